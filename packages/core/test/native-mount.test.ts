// mount and umount2 as the kernel answers them, and descriptors that come through a socket.

import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { ERRNO } from "../src/errno.ts";
import { ioctl, mount, pipe, read, receiveFd, socketPair, umount2, writev } from "../src/native.ts";

const FIONREAD = 0x541b;

function pair(): [number, number] {
  const [one, two] = socketPair();
  onTestFinished(() => {
    closeSync(one);
    closeSync(two);
  });
  return [one, two];
}

it("mount() and umount2() throw what the kernel says", () => {
  const nothing = { source: "none", type: "devlift-no-such-type", flags: 0, data: "" };
  expect(() => mount("/nowhere", nothing)).toThrow(
    expect.objectContaining({ syscall: "mount", path: "/nowhere", code: expect.stringMatching(/ENOENT|ENODEV|EPERM/) }),
  );
  expect(() => umount2("/nowhere", 0)).toThrow(
    expect.objectContaining({ syscall: "umount2", code: expect.stringMatching(/ENOENT|EPERM/) }),
  );
});

it("a descriptor goes through a socket pair, and is closed on exec", () => {
  const [ours, theirs] = pair();
  const folder = mkdtempSync(join(tmpdir(), "devlift-native-"));
  const sender = join(folder, "send-descriptor");
  execFileSync("cc", ["-o", sender, fileURLToPath(new URL("native/send-descriptor.c", import.meta.url))]);
  const zero = openSync("/dev/zero", "r");
  execFileSync(sender, { stdio: [zero, "inherit", "inherit", theirs] });
  closeSync(zero);
  rmSync(folder, { recursive: true });
  const fd = receiveFd(ours);
  expect(fd).toBeGreaterThan(2);
  expect(fstatSync(fd).rdev).toBe(statSync("/dev/zero").rdev);
  const kept = spawnSync("test", ["-e", `/proc/self/fd/${fd}`]).status;
  closeSync(fd);
  expect(kept).toBe(1);
});

it("a pipe takes what there is room for, and can be asked what nobody has read", () => {
  const [reading, writing] = pipe();
  onTestFinished(() => {
    closeSync(reading);
    closeSync(writing);
  });
  const unread = new Uint32Array(1);
  expect(writev(writing, [new Uint8Array(1000), new Uint8Array(234)])).toBe(1234);
  expect(ioctl(writing, FIONREAD, new Uint8Array(unread.buffer))).toBe(0);
  expect(unread[0]).toBe(1234);
  expect(read(reading, new Uint8Array(1000))).toBe(1000);
  let taken = 0;
  for (let count = 0; count >= 0; count = writev(writing, [new Uint8Array(4096)])) taken += count;
  expect(taken).toBeGreaterThan(0);
  expect(writev(writing, [new Uint8Array(1)])).toBe(-ERRNO.EAGAIN);
  expect(spawnSync("test", ["-e", `/proc/self/fd/${writing}`]).status).toBe(1);
});

it("no message, a message without a descriptor, and no socket are errors, at once", () => {
  const [ours, theirs] = pair();
  expect(receiveFd(ours)).toBe(-ERRNO.EAGAIN);
  writeSync(theirs, "x");
  expect(receiveFd(ours)).toBe(-ERRNO.ENOMSG);
  expect(receiveFd(-1)).toBe(-ERRNO.EBADF);
});
