// What a run's ending comes to: the exit status, and what of the console is shown.

import { expect, test } from "vitest";
import { exitStatus } from "../cli.ts";
import { worthShowing } from "../vm.ts";

const quiet = Array.from({ length: 200 }, (_, index) => `[${index}] all is well`);

test.each([
  "BUG: KASAN: slab-use-after-free in fusd_req_put",
  "WARNING: CPU: 1 PID: 7 at lib/refcount.c:28",
  "WARNING: possible circular locking dependency detected",
  "UBSAN: shift-out-of-bounds in main.c",
  "unreferenced object 0xffff888001234567 (size 64):",
])("of a command that ended well, the kernel's %j is shown from there on, and spoils it", (complaint) => {
  const consoleTail = worthShowing([...quiet, complaint, "its stack", ...quiet].join("\r\n"), "exited");
  expect(consoleTail?.split("\n").slice(0, 3)).toEqual([complaint, "its stack", "[0] all is well"]);
  expect(exitStatus({ status: 0, consoleTail })).toBe(123);
  expect(exitStatus({ status: 3, consoleTail })).toBe(3);
});

test("a kernel that says nothing spoils nothing", () => {
  const consoleTail = worthShowing(quiet.join("\n"), "exited");
  expect(consoleTail).toBe(undefined);
  expect(exitStatus({ status: 0, consoleTail })).toBe(0);
  expect(worthShowing(quiet.join("\n"), "aborted")).toBe(undefined);
});

test("of a machine that ended badly, the end of the console is shown", () => {
  expect(
    worthShowing([...quiet, "the last"].join("\n"), "died")
      ?.split("\n")
      .slice(-2),
  ).toEqual(["[199] all is well", "the last"]);
});
