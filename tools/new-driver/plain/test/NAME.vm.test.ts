// The daemon as a person starts it, on CUSE of a stock kernel, and programs that use it.

import { execFileSync } from "node:child_process";
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

const sh = (script: string) => execFileSync("sh", ["-c", script], { encoding: "utf8", timeout: 60_000 });

test("what one program writes, another reads", async () => {
  const daemon = await started();
  expect(sh("echo hello > /dev/NAME; head -n 1 /dev/NAME")).toBe("hello\n");
  expect(await daemon.stop()).toBe(0);
});
