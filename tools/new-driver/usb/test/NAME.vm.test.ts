// The daemon as a person starts it, on CUSE of a stock kernel, and programs that use it.

import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Daemon } from "@devlift/testing/daemon";
import { expect, onTestFinished, test } from "vitest";

const BUNDLE = fileURLToPath(new URL("../dist/devlift-NAME.mjs", import.meta.url));

async function started(): Promise<Daemon> {
  execFileSync("modprobe", ["cuse"]);
  const daemon = await Daemon.start(BUNDLE, ["--channel", "cuse"]);
  onTestFinished(async () => void (await daemon.stop()));
  expect(statSync("/dev/NAME").isCharacterDevice()).toBe(true);
  return daemon;
}

test("the device file is there, and without hardware an open is refused", async () => {
  const daemon = await started();
  const { status, stderr } = spawnSync("cat", ["/dev/NAME"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([1, "cat: /dev/NAME: No such device\n"]);
  expect(await daemon.stop()).toBe(0);
});
