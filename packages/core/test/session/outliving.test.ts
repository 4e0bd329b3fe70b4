// What a daemon leaves of its open files and requests, as the next one finds it.

import { expect, test } from "vitest";
import { Call } from "../../src/session/call.ts";
import { FuseFile } from "../../src/session/fuse-file.ts";
import { Outliving } from "../../src/session/outliving.ts";

const owner = { wake: () => undefined, urgent: () => undefined, hangup: () => undefined };

function call(kind: "open" | "read" | "release", id: number, uniqueLow: number): Call {
  const origin = { uniqueLow, uniqueHigh: 7, pid: 10, uid: 20, gid: 30 };
  return new Call(kind, new FuseFile(id, 2, owner), origin, () => 0);
}

test("open files and requests that wait are found by the next daemon, in any number of them, and by those after it", () => {
  const memory = new Uint8Array(Outliving.SIZE);
  expect(Outliving.isLeft(memory)).toBe(false);
  const first = new Outliving(memory);
  for (let id = 1; id <= 1000; id++) first.opened(call("open", id, 2 * id));
  for (let id = 2; id <= 1000; id += 2) first.closed(id);
  first.polled(3, 0x12_3456_789an);
  first.polled(4, 1n);
  first.hungUp(5, { errno: 19, readEnds: false, poll: 24 });
  first.waits(call("read", 3, 5000));
  first.waits(call("read", 5, 5002));
  first.waits(call("release", 7, 5004));
  first.answered(call("read", 5, 5002));

  expect(Outliving.isLeft(memory)).toBe(true);
  const next = new Outliving(memory);
  expect(next.files().length).toBe(500);
  expect(next.files()[1]).toEqual({
    id: 3,
    flags: 2,
    pid: 10,
    uid: 20,
    gid: 30,
    uniqueLow: 6,
    uniqueHigh: 7,
    pollHandle: 0x12_3456_789an,
    hungUp: undefined,
  });
  expect(next.files()[2]?.hungUp).toEqual({ errno: 19, readEnds: false, poll: 24 });
  expect(next.requests()).toEqual([
    { opcode: 15, uniqueLow: 5000, uniqueHigh: 7, fh: 3 },
    { opcode: 18, uniqueLow: 5004, uniqueHigh: 7, fh: 7 },
  ]);
  next.forgetRequests();
  next.closed(3);
  next.opened(call("open", 2000, 9000));
  const last = new Outliving(memory);
  expect(last.requests()).toEqual([]);
  expect(last.files().map(({ id }) => id)).not.toContain(3);
  expect(last.files().length).toBe(500);
  expect(last.files().find(({ id }) => id === 2000)?.pollHandle).toBe(0n);
});

test("what was left in another layout, or is too short, is not used", () => {
  const memory = new Uint8Array(Outliving.SIZE);
  new Outliving(memory);
  expect(Outliving.isLeft(memory.subarray(0, Outliving.SIZE - 4))).toBe(false);
  memory[8] = 0;
  expect(Outliving.isLeft(memory)).toBe(false);
});
