// What programs get from a file of the FUSE channel, on whatever kernel this runs.

import { fuse, POLL, serve } from "@devlift/core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildCalls, CallsProgram, fillPattern } from "../../src/calls/program.ts";
import { loopback, ROOM } from "./loopback.ts";
import { Lines, run, shell, testFolder, until } from "./rig.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const [EINTR, EAGAIN, EFAULT, ENOTTY] = [4, 11, 14, 25];
/** _IOW, _IOR, _IOWR('U', 1 to 3, 8 bytes), _IO('U', 4) */
const [PUT, GET, SWAP, ADD, OLD_SWAP, UNKNOWN] = [0x40085501, 0x80085502, 0xc0085503, 0x5504, 0x5501, 0x40085509];
const PAIR = new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0]);
const EPOLLET = 0x8000_0000;

export function fuseCases(): void {
  const path = `${testFolder()}/loop`;

  beforeAll(() => {
    expect(fuse.probe(), "these tests need /dev/fuse and root").toMatchObject({ usable: true });
    buildCalls(64);
    buildCalls(32);
  });

  describe.each([64, 32] as const)("a %i-bit program on a FUSE file", (bits) => {
    let device: ReturnType<typeof loopback>;
    let blocked: Promise<void>;
    let channel: Awaited<ReturnType<typeof serve>>;
    let program: CallsProgram;
    let other: CallsProgram;
    const log = new Lines();

    beforeEach(async () => {
      log.lines.length = 0;
      blocked = new Promise((resolve) => {
        device = loopback("loop", resolve);
      });
      channel = await serve(device, { channel: fuse, path, log, permissions: { mode: 0o640, gid: 20 } });
      program = new CallsProgram(bits);
      other = new CallsProgram(bits);
      expect(await program.open("a", path, O_RDWR)).toMatchObject({ result: 0 });
      expect(await other.open("a", path, O_RDWR)).toMatchObject({ result: 0 });
    });

    afterEach(async () => {
      await Promise.all([program.stop(), other.stop()]);
      await channel.close();
      expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    });

    test("finds an empty regular file with the mode and group that were asked for, and may change them", async () => {
      const format = "%F %a %u %g %s";
      expect(await run("stat", "-c", format, path)).toMatchObject({ stdout: "regular empty file 640 0 20 0\n" });
      await run("chmod", "600", path);
      await run("chown", "1:2", path);
      await run("touch", "-d", "@86400.5", path);
      expect(await run("stat", "-c", `${format} %Y`, path)).toMatchObject({
        stdout: "regular empty file 600 1 2 0 86400\n",
      });
      await run("truncate", "-s", "10", path);
      expect(await run("stat", "-c", "%s", path)).toMatchObject({ stdout: "0\n" });
      expect(await run("stat", "-f", "-c", "%b", path)).toMatchObject({ status: 0, stdout: "0\n" });
    });

    test("echo writes to it, head reads from it", async () => {
      expect(await shell('echo hi > "$1" && head -c 3 "$1"', path)).toMatchObject({ status: 0, stdout: "hi\n" });
      expect(await shell('echo ho >> "$1" && head -c 3 "$1"', path)).toMatchObject({ status: 0, stdout: "ho\n" });
    });

    test("reads what was written, and waits when there is nothing", async () => {
      const reading = other.read("a", 100);
      await blocked;
      expect(await program.write("a", Buffer.from("hello"))).toMatchObject({ result: 5 });
      expect(Buffer.from((await reading).data).toString()).toBe("hello");
    });

    test("writes 20,000 bytes in one call and reads every one of them", async () => {
      const writing = program.fill("a", 20_000);
      const got: Uint8Array[] = [];
      for (let length = 0; length < 20_000; ) {
        const { data } = await other.read("a", 4096);
        got.push(data);
        length += data.length;
      }
      expect((await writing).result).toBe(20_000);
      expect(Buffer.concat(got).equals(fillPattern(20_000))).toBe(true);
    });

    test("two blocked writers and a reader on one descriptor do not stop each other", async () => {
      const script = `exec 3<>"$1"
        dd if=/dev/zero bs=100 count=1 status=none >&3 &
        dd if=/dev/zero bs=100 count=1 status=none >&3 &
        head -c 200 <&3 | wc -c
        wait`;
      expect(await shell(script, path)).toMatchObject({ status: 0, stdout: "200\n" });
    });

    test("a waiting read does not stop a write, a poll and an ioctl on its descriptor", async () => {
      const script = `exec 3<>"$1"
        head -c 1 <&3 &
        echo x >&3
        wait`;
      expect(await shell(script, path)).toMatchObject({ status: 0, stdout: "x" });
    });

    test("a waiting write and O_NONBLOCK, signals, closes and stat of others", async () => {
      const writing = program.fill("a", 100);
      await until(async () => ((await other.poll("a", POLL.OUT, 0)).result & POLL.OUT) === 0);
      const third = new CallsProgram(bits);
      await third.open("a", path, O_RDWR | O_NONBLOCK);
      expect(await run("stat", "-c", "%s", path)).toMatchObject({ stdout: "0\n" });
      expect(await third.close("a")).toMatchObject({ result: 0 });
      await third.open("a", path, O_RDWR | O_NONBLOCK);
      const attempt = third.write("a", Buffer.from("x"));
      // A kernel that is too old has it wait for the file's lock, which the first writer holds; the log says so.
      const parallel = !log.lines.some((line) => line.includes("has no parallel writes"));
      if (parallel) expect(await attempt).toMatchObject({ errno: EAGAIN });
      await other.read("a", ROOM);
      expect(await writing).toMatchObject({ result: 100 });
      if (!parallel) expect(await attempt).toMatchObject({ result: 1 });
      await third.stop();
    });

    test("O_NONBLOCK counts as it is now, and a signal frees a waiting call", async () => {
      await program.nonBlock("a", true);
      expect(await program.read("a", 1)).toMatchObject({ errno: EAGAIN });
      await program.nonBlock("a", false);
      await program.signals(50);
      expect(await program.read("a", 1)).toMatchObject({ errno: EINTR });
      expect(await program.fill("a", 100)).toMatchObject({ result: ROOM });
      expect(await program.fill("a", 100)).toMatchObject({ errno: EINTR });
    });

    test("polls, selects and epolls in both directions, and is woken", async () => {
      expect(await program.select("a", "rw", 0)).toMatchObject({ result: 2 });
      const selected = program.select("a", "r", 60_000);
      await other.nonBlock("a", true);
      await other.fill("a", 100);
      expect(await selected).toMatchObject({ result: 1 });
      const room = program.poll("a", POLL.OUT, 60_000);
      await other.read("a", ROOM);
      expect(await room).toMatchObject({ result: POLL.OUT });
      const edge = program.epoll("a", (POLL.IN | EPOLLET) >>> 0, 60_000);
      await other.write("a", Buffer.from("x"));
      expect(await edge).toMatchObject({ result: POLL.IN });
    });

    test("ioctls go as their numbers encode them; others are ENOTTY, and the log says which and why", async () => {
      expect(await program.ioctlBuffer("a", PUT, PAIR)).toMatchObject({ result: 0 });
      expect([...(await program.ioctlBuffer("a", GET, new Uint8Array(8))).data]).toEqual([...PAIR]);
      expect([...(await program.ioctlBuffer("a", SWAP, PAIR)).data]).toEqual([2, 0, 0, 0, 1, 0, 0, 0]);
      expect(await program.ioctl("a", ADD, 41)).toMatchObject({ result: 42 });
      expect(await program.ioctl("a", SWAP, 8)).toMatchObject({ errno: EFAULT });
      expect(await program.ioctlBuffer("a", UNKNOWN, PAIR)).toMatchObject({ errno: ENOTTY });
      for (let i = 0; i < 2; i++)
        expect(await program.ioctlBuffer("a", OLD_SWAP, PAIR)).toMatchObject({ errno: ENOTTY });
      expect(log.lines.filter((line) => line.startsWith("warn"))).toEqual([
        expect.stringMatching(/cannot carry these ioctls.*OLD_SWAP: its number does not encode a size/),
        expect.stringMatching(/ENOTTY for the caller of OLD_SWAP.*cuse channel/),
      ]);
    });

    test("a killed program leaves nothing behind, if later: the kernel does not wait for a release", async () => {
      const reading = program.read("a", 1);
      await blocked;
      await Promise.all([program.stop(), expect(reading).rejects.toThrow(/ended during: read/)]);
      await until(() => device.files.size === 1);
      expect(await other.close("a")).toMatchObject({ result: 0 });
      await until(() => device.files.size === 0);
    });

    test("closing frees a blocked reader and removes the file", async () => {
      const reading = program.read("a", 1);
      await blocked;
      await channel.close();
      expect(await reading).toMatchObject({ result: 0 });
      expect(await run("test", "-e", path)).toMatchObject({ status: 1 });
    });

    test("there is no position: pread is ESPIPE", async () => {
      const pread = `const { openSync, readSync } = require("node:fs");
        try { readSync(openSync(process.argv[1], "r"), new Uint8Array(1), 0, 1, 0) } catch (e) { console.log(e.code) }`;
      expect(await run(process.execPath, "-e", pread, path)).toMatchObject({ stdout: "ESPIPE\n" });
    });
  });
}
