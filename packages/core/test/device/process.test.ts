import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { processOf } from "../../src/index.ts";

test("a process is known by its program and arguments until it ends", async () => {
  const child = spawn("sleep", ["1000"], { argv0: "lullaby" });
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  expect(processOf({ pid })).toEqual({
    pid,
    name: "sleep",
    executable: expect.stringMatching(/\/(sleep|coreutils|busybox)$/),
    arguments: ["lullaby", "1000"],
  });
  child.kill();
  await once(child, "exit");
  expect(processOf({ pid })).toBeUndefined();
});

test("a caller of another pid namespace is nobody that the daemon can look up", () => {
  expect(processOf({ pid: 0 })).toBeUndefined();
});
