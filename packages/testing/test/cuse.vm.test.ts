// The CUSE channel on a stock kernel: a program's calls on a device that is served here.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { command, cuse, defineDevice, POLL, serve, struct, u32, wouldBlock } from "@devlift/core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildCalls, CallsProgram, fillPattern } from "../src/calls/program.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const [EINTR, EIO, EAGAIN, EFAULT, ENOTTY] = [4, 5, 11, 14, 25];

const Pair = struct({ a: u32, b: u32 });

/** A loop-back with room for 64 bytes, and two ioctls. `onBlocked` runs when a reader has to wait. */
function loopback(onBlocked: () => void = () => undefined) {
  let held: Uint8Array = new Uint8Array(0);
  const device = defineDevice({
    name: "devlift/test",
    open: () => ({}),
    read({ length }) {
      if (held.length === 0) {
        onBlocked();
        return wouldBlock;
      }
      const given = held.subarray(0, length);
      held = held.subarray(given.length);
      device.writable();
      return given;
    },
    write({ data }) {
      const taken = data.subarray(0, 64 - held.length);
      if (taken.length === 0) return wouldBlock;
      held = Buffer.concat([held, taken]);
      device.readable();
      return taken.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | (held.length < 64 ? POLL.OUT : 0),
    commands: { SWAP: command(0x5501, Pair, "inout"), ADD: command(0x5502) },
    ioctl: {
      SWAP({ arg }) {
        [arg.a, arg.b] = [arg.b, arg.a];
      },
      ADD: ({ arg }) => arg + 1,
    },
  });
  return device;
}

const path = "/dev/devlift/test";

beforeAll(() => {
  execFileSync("modprobe", ["cuse"]);
  buildCalls(64);
  buildCalls(32);
});

describe.each([64, 32] as const)("a %i-bit program", (bits) => {
  let device: ReturnType<typeof loopback>;
  let blocked: Promise<void>;
  let channel: Awaited<ReturnType<typeof serve>>;
  let program: CallsProgram;

  beforeEach(async () => {
    blocked = new Promise((resolve) => {
      device = loopback(resolve);
    });
    channel = await serve(device, { channel: cuse, permissions: { mode: 0o640, gid: 20 } });
    program = new CallsProgram(bits);
    expect(await program.open("a", path, O_RDWR)).toMatchObject({ result: 0 });
  });

  afterEach(async () => {
    await program.stop();
    await channel.close();
  });

  test("finds the node with the mode and group that were asked for", () => {
    const { mode, gid } = statSync(path);
    expect([mode & 0o777, gid]).toEqual([0o640, 20]);
  });

  test("reads what was written, and waits when there is nothing", async () => {
    const other = new CallsProgram(bits);
    await other.open("a", path, O_RDWR);
    const reading = other.read("a", 100);
    expect(await program.write("a", Buffer.from("hello"))).toMatchObject({ result: 5 });
    expect(Buffer.from((await reading).data).toString()).toBe("hello");
    await other.stop();
  });

  test("writes 20,000 bytes in one call and reads every one of them", async () => {
    const other = new CallsProgram(bits);
    await other.open("a", path, O_RDWR);
    const writing = program.fill("a", 20_000);
    const got: Uint8Array[] = [];
    for (let length = 0; length < 20_000; ) {
      const { data } = await other.read("a", 4096);
      got.push(data);
      length += data.length;
    }
    expect((await writing).result).toBe(20_000);
    expect(Buffer.concat(got).equals(fillPattern(20_000))).toBe(true);
    await other.stop();
  });

  test("O_NONBLOCK counts as it is now", async () => {
    await program.nonBlock("a", true);
    expect(await program.read("a", 1)).toMatchObject({ errno: EAGAIN });
    await program.nonBlock("a", false);
    await program.signals(50);
    expect(await program.read("a", 1)).toMatchObject({ errno: EINTR });
  });

  test("a signal gives a blocked write its count", async () => {
    await program.signals(50);
    expect(await program.fill("a", 100)).toMatchObject({ result: 64 });
    expect(await program.fill("a", 100)).toMatchObject({ errno: EINTR });
  });

  test("polls and selects in both directions, and is woken", async () => {
    expect(await program.select("a", "rw", 0)).toMatchObject({ result: 2 });
    const waiting = program.select("a", "r", 60_000);
    const other = new CallsProgram(bits);
    await other.open("a", path, O_RDWR | O_NONBLOCK);
    await other.fill("a", 100);
    expect(await waiting).toMatchObject({ result: 1 });
    const room = program.poll("a", POLL.OUT, 60_000);
    await other.read("a", 10);
    expect(await room).toMatchObject({ result: POLL.OUT });
    await other.stop();
  });

  test("ioctls: by pointer, by value, unknown, and with a bad pointer", async () => {
    const { result, data } = await program.ioctlBuffer("a", 0x5501, new Uint8Array([1, 0, 0, 0, 2, 0, 0, 0]));
    expect([result, [...data]]).toEqual([0, [2, 0, 0, 0, 1, 0, 0, 0]]);
    expect(await program.ioctl("a", 0x5502, 41)).toMatchObject({ result: 42 });
    expect(await program.ioctl("a", 0x5503, 0)).toMatchObject({ errno: ENOTTY });
    expect(await program.ioctl("a", 0x5501, 8)).toMatchObject({ errno: EFAULT });
  });

  test("hang-up: end of file, EIO and poll bits; a new open works", async () => {
    const waiting = program.read("a", 1);
    await blocked;
    device.hangup();
    expect(await waiting).toMatchObject({ result: 0 });
    expect(await program.write("a", Buffer.from("x"))).toMatchObject({ errno: EIO });
    expect(await program.ioctl("a", 0x5502, 1)).toMatchObject({ errno: EIO });
    const dead = POLL.IN | POLL.OUT | POLL.ERR | POLL.HUP;
    expect(await program.poll("a", POLL.IN | POLL.OUT, 0)).toMatchObject({ result: dead });
    await program.close("a");
    await program.open("a", path, O_RDWR);
    expect(await program.write("a", Buffer.from("x"))).toMatchObject({ result: 1 });
  });

  test("a killed program leaves nothing behind", async () => {
    const reading = program.read("a", 1);
    await blocked;
    await Promise.all([program.stop(), expect(reading).rejects.toThrow(/ended during: read/)]);
    const next = new CallsProgram(bits);
    await next.open("a", path, O_RDWR);
    await next.close("a");
    expect(device.files.size).toBe(0);
    await next.stop();
  });

  test("closing frees a blocked reader and removes the node", async () => {
    const reading = program.read("a", 1);
    await blocked;
    await channel.close();
    expect(await reading).toMatchObject({ result: 0 });
    expect(existsSync(path)).toBe(false);
  });
});

test("a name that is taken is refused, with a sentence that says what to do", async () => {
  const channel = await serve(loopback(), { channel: cuse });
  await expect(serve(loopback(), { channel: cuse })).rejects.toThrow(/there already: end what serves it/);
  await channel.close();
});

test("what is served at a path that CUSE cannot make is refused", async () => {
  await expect(serve(loopback(), { channel: cuse, path: "/tmp/x" })).rejects.toThrow(/cannot be at \/tmp\/x/);
});
