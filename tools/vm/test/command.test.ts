// What the guest is told to run: environment and quoting, with a real shell as the judge.

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { commandScript, guestEnvironment } from "../command.ts";

test("the environment is what is passed on, no more, with root's PATH", () => {
  const host = { PATH: "/opt/node/bin:/usr/bin", HOME: "/home/u", DEVLIFT_LOG: "debug", NODE_OPTIONS: "--inspect" };
  const guest = guestEnvironment(host, { EXTRA: "1" });
  expect(guest).toMatchObject({ HOME: "/home/u", DEVLIFT_LOG: "debug", EXTRA: "1" });
  expect(guest).not.toHaveProperty("NODE_OPTIONS");
  expect(guest["PATH"]?.split(":").slice(0, 3)).toEqual(["/opt/node/bin", "/usr/bin", "/usr/local/sbin"]);
  expect(guest["PATH"]).toContain("/usr/sbin");
});

test("several words are a vector, a single one is for the shell", () => {
  const path = "/usr/bin:/bin";
  const sh = (script: string) => execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" });
  expect(sh(commandScript(["printf", "%s,", "a b", "'", "$V"], "/", { PATH: path, V: "x" }))).toBe("a b,',$V,");
  expect(sh(commandScript(['pwd; echo "$V"'], "/usr", { PATH: path, V: "it's a b" }))).toBe("/usr\nit's a b\n");
});
