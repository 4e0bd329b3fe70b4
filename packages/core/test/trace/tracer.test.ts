// The line of each operation and of each way in which it can fail.

import { expect, test } from "vitest";
import {
  array,
  bytes as bytesOf,
  command,
  DeviceError,
  defineDevice,
  encode,
  enumeration,
  flags,
  io,
  ior,
  iow,
  iowr,
  POLL,
  ptr,
  struct,
  u16,
  u32,
  wouldBlock,
} from "../../src/index.ts";
import * as abi from "../../src/wire/abi.ts";
import { bytes, errno, settled } from "../session/harness.ts";
import { looked } from "./bench.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;

function pipe() {
  let held = new Uint8Array();
  const device = defineDevice({
    name: "pipe",
    read({ length }) {
      if (held.length === 0) return wouldBlock;
      const given = held.subarray(0, length);
      held = held.subarray(given.length);
      return given;
    },
    write({ data }) {
      if (data.length > 100) throw new DeviceError("EMSGSIZE");
      held = Uint8Array.from([...held, ...data]);
      device.readable();
      return data.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | POLL.OUT,
  });
  return device;
}

test("open, write, read, poll, release", async () => {
  const { kernel, lines, trace } = await looked(pipe());
  trace();
  const file = await kernel.openFile(O_RDWR | O_NONBLOCK | 0o100000);
  await file.write(bytes('he"l\n\0'));
  await file.read(4096);
  expect(await errno(file.read(4096))).toBe("EAGAIN");
  await file.poll();
  expect(await errno(file.write(new Uint8Array(101)))).toBe("EMSGSIZE");
  await file.close();
  expect(await errno(file.read(1))).toBe("EBADF");
  expect(lines()).toEqual([
    "4242 cat  pipe: open(O_RDWR|O_NONBLOCK) = 1 <0.000000>",
    String.raw`4242 cat  pipe: write(1, "he\"l\x0a\x00", 6, O_NONBLOCK) = 6 <0.000000>`,
    String.raw`4242 cat  pipe: read(1, 4096, O_NONBLOCK) = "he\"l\x0a\x00" 6 <0.000000>`,
    "4242 cat  pipe: read(1, 4096, O_NONBLOCK) = -1 EAGAIN <0.000000>",
    expect.stringMatching(
      /^4242 cat {2}pipe: poll\(1, POLLIN\|POLLPRI\|POLLOUT\|.*\) = POLLOUT\|POLLWRNORM <0.000000>$/,
    ),
    `4242 cat  pipe: write(1, "${"\\x00".repeat(32)}"..., 101, O_NONBLOCK) = -1 EMSGSIZE <0.000000>`,
    "4242 cat  pipe: release(1) = 0 <0.000000>",
    "4242 cat  pipe: read(1, 1, O_NONBLOCK) = -1 EBADF <0.000000>",
  ]);
});

test("the access modes and flags of an open, and its refusal", async () => {
  const refusing = defineDevice({ name: "no", open: () => Promise.reject(new DeviceError("EBUSY")) });
  const { kernel, lines, trace } = await looked(refusing);
  trace();
  for (const flags of [0, 1, 0o2001, 0o20000001]) expect(await errno(kernel.openFile(flags))).toBe("EBUSY");
  expect(lines()).toEqual([
    "4242 cat  no: open(O_RDONLY) = -1 EBUSY <0.000000>",
    "4242 cat  no: open(O_WRONLY) = -1 EBUSY <0.000000>",
    "4242 cat  no: open(O_WRONLY|O_APPEND) = -1 EBUSY <0.000000>",
    "4242 cat  no: open(O_WRONLY|0x400000) = -1 EBUSY <0.000000>",
  ]);
});

test("a call that waits: how long it took, its wake-up, its interrupt", async () => {
  const { kernel, clock, lines, trace } = await looked(pipe());
  trace();
  const file = await kernel.openFile();
  await file.poll(() => undefined);
  const read = file.read(10);
  clock.advance(250);
  await file.write(bytes("x"));
  await read;
  const interrupted = new AbortController();
  const second = errno(file.read(10, { signal: interrupted.signal }));
  interrupted.abort();
  expect(await second).toBe("EINTR");
  expect(lines().slice(2)).toEqual([
    '4242 cat  pipe: write(1, "x", 1) = 1 <0.000000>',
    '4242 cat  pipe: read(1, 10) = "x" 1 <0.250000>',
    "-  pipe: poll wake-up of 1",
    "4242 cat  pipe: interrupt of read(1, 10)",
    "4242 cat  pipe: read(1, 10) = -1 EINTR <0.000000>",
  ]);
});

test("a call that is not answered for a second says so, once", async () => {
  const { kernel, clock, lines, trace } = await looked(pipe());
  trace();
  const file = await kernel.openFile();
  const read = file.read(10);
  clock.advance(5000);
  expect(lines().slice(1)).toEqual([
    "4242 cat  pipe: read(1, 10) <unfinished: waits for the driver's word since 1.000 s>",
  ]);
  await file.write(bytes("x"));
  await read;
  expect(lines().at(-1)).toBe('4242 cat  pipe: read(1, 10) = "x" 1 <5.000000>');
});

test("switched on, it lists the calls that wait, and how they end", async () => {
  let finish: (answer: number) => void = () => undefined;
  const Setting = struct({ speed: u32 });
  const device = defineDevice({
    name: "slow",
    read: () => wouldBlock,
    write: () => new Promise<number>(() => undefined),
    commands: { SET: iow("S", 1, Setting) },
    ioctl: {
      SET: () =>
        new Promise<number>((resolve) => {
          finish = resolve;
        }),
    },
  });
  const { kernel, clock, lines, trace } = await looked(device);
  const file = await kernel.openFile();
  const calls = [
    errno(file.read(10)),
    errno(file.write(bytes("abc"))),
    errno(file.ioctl(SET, kernel.memory.map(encode(Setting, "lp64", { speed: 9600 })))),
  ];
  await settled();
  clock.advance(1500);
  trace();
  expect(lines()).toEqual([
    "4242 cat  slow: read(1, 10) <unfinished: waits for the driver's word since 1.500 s>",
    '4242 cat  slow: write(1, "abc", 3) <unfinished: its handler runs since 1.500 s>',
    "4242 cat  slow: ioctl(1, SET, {speed=9600}) <unfinished: its handler runs since 1.500 s>",
  ]);
  finish(3);
  await settled();
  expect(lines()).toEqual(["4242 cat  slow: ioctl(1, SET, {speed=9600}) = 3 <1.500000>"]);
  device.hangup();
  clock.advance(1000);
  await Promise.all(calls);
  expect(lines()).toEqual([
    '4242 cat  slow: read(1, 10) = "" 0 <1.500000>',
    '4242 cat  slow: write(1, "abc", 3) = -1 EIO <2.500000>',
  ]);
});
const SET = 0x4004_5301;

const Mode = struct({
  speed: enumeration(u32, { B9600: 13 }),
  bits: flags(u16, { PARITY: 1, ECHO: 8 }),
});
const Message = struct({
  flags: flags(u16, { READ: 1 }),
  len: u16,
  buf: ptr(bytesOf("len", { max: 100 }), (message) => (message.flags & 1 ? "out" : "in")),
});
const Transfer = struct({ messages: ptr(array(Message, "count", { max: 4 }), "in"), count: u32 });

function ioctls() {
  return defineDevice({
    name: "bus",
    commands: {
      GETMODE: ior("M", 1, Mode),
      SETMODE: iow("M", 2, Mode),
      SWAPMODE: iowr("M", 3, Mode),
      FLUSH: io("M", 4),
      RESET: io("M", 5, "none"),
      TRANSFER: command(0x0707, Transfer),
    },
    ioctl: {
      GETMODE({ arg }) {
        Object.assign(arg, { speed: 13, bits: 9 });
      },
      SETMODE({ arg }) {
        if (arg.speed !== 13) throw new DeviceError("EINVAL", "another speed");
      },
      SWAPMODE({ arg }) {
        Object.assign(arg, { speed: 1, bits: 16 });
        return 5;
      },
      FLUSH: ({ arg }) => arg,
      RESET: () => Promise.reject(new DeviceError("ENODEV")),
      TRANSFER({ arg }) {
        for (const { flags, buf } of arg.messages) if (flags & 1) buf.fill(0x41);
        return arg.messages.length;
      },
    },
  });
}

test("ioctls by name, with what goes in before the = and what comes back behind it", async () => {
  const { kernel, lines, trace } = await looked(ioctls());
  trace();
  const file = await kernel.openFile();
  const mode = (speed: number) => kernel.memory.map(encode(Mode, "lp64", { speed, bits: 1 }));
  await file.ioctl(0x8008_4d01, mode(0));
  await file.ioctl(0x4008_4d02, mode(13));
  expect(await errno(file.ioctl(0x4008_4d02, mode(77)))).toBe("EINVAL");
  await file.ioctl(0xc008_4d03, mode(13));
  await file.ioctl(0x4d04, 7n);
  expect(await errno(file.ioctl(0x4d05, 0n))).toBe("ENODEV");
  await file.ioctl(0x8008_4d01, mode(0), "ilp32");
  await file.ioctl(0x8008_4d01, mode(0), "x32");
  expect(lines().slice(1)).toEqual([
    "4242 cat  bus: ioctl(1, GETMODE) = {speed=B9600, bits=PARITY|ECHO} 0 <0.000000, 2 rounds>",
    "4242 cat  bus: ioctl(1, SETMODE, {speed=B9600, bits=PARITY}) = 0 <0.000000, 2 rounds>",
    "4242 cat  bus: ioctl(1, SETMODE, {speed=77, bits=PARITY}) = -1 EINVAL <0.000000, 2 rounds>",
    "4242 cat  bus: ioctl(1, SWAPMODE, {speed=B9600, bits=PARITY}) = {speed=1, bits=0x10} 5 <0.000000, 2 rounds>",
    "4242 cat  bus: ioctl(1, FLUSH, 7) = 7 <0.000000>",
    "4242 cat  bus: ioctl(1, RESET) = -1 ENODEV <0.000000>",
    "4242 cat  bus: ioctl32(1, GETMODE) = {speed=B9600, bits=PARITY|ECHO} 0 <0.000000, 2 rounds>",
    "4242 cat  bus: ioctlx32(1, GETMODE) = {speed=B9600, bits=PARITY|ECHO} 0 <0.000000, 2 rounds>",
  ]);
});

test("the time of an ioctl is from its first round to its last answer", async () => {
  const { kernel, clock, lines, trace } = await looked(ioctls());
  trace();
  await kernel.openFile();
  const round = (input: Uint8Array) => {
    const sizes = { in_size: input.length, out_size: 0 };
    const head = { fh: 1n, flags: abi.FUSE_IOCTL_UNRESTRICTED, cmd: 0x4008_4d02, arg: 0x1000n, ...sizes };
    return kernel.request("IOCTL", Buffer.concat([encode(abi.fuse_ioctl_in, "lp64", head), input]));
  };
  await round(new Uint8Array());
  clock.advance(7);
  await round(encode(Mode, "lp64", { speed: 13, bits: 8 }));
  expect(lines().slice(1)).toEqual([
    "4242 cat  bus: ioctl(1, SETMODE, {speed=B9600, bits=ECHO}) = 0 <0.007000, 2 rounds>",
  ]);
});

test("nested pointers, a command that nobody has, and a pointer to nothing", async () => {
  const { kernel, lines, trace } = await looked(ioctls());
  trace();
  const { memory } = kernel;
  const message = (flags: number, text: string) => {
    const view = new DataView(new ArrayBuffer(16));
    view.setUint16(0, flags, true);
    view.setUint16(2, text.length, true);
    view.setBigUint64(8, memory.map(bytes(text)), true);
    return new Uint8Array(view.buffer);
  };
  const transfer = new DataView(new ArrayBuffer(16));
  transfer.setBigUint64(0, memory.map(Buffer.concat([message(0, "out"), message(1, "..")])), true);
  transfer.setUint32(8, 2, true);
  const file = await kernel.openFile();
  await file.ioctl(0x707, memory.map(new Uint8Array(transfer.buffer)));
  expect(await errno(file.ioctl(0x8004_5017, 0x1234n))).toBe("ENOTTY");
  expect(await errno(file.ioctl(0x8008_4d01, 0n))).toBe("EFAULT");
  expect(lines().slice(1)).toEqual([
    String.raw`4242 cat  bus: ioctl(1, TRANSFER, {messages=[{flags=0, len=3, buf="out"}, {flags=READ, len=2, buf="\x00\x00"}], count=2}) = {messages=[{flags=0, len=3, buf="out"}, {flags=READ, len=2, buf="AA"}], count=2} 2 <0.000000, 4 rounds>`,
    "4242 cat  bus: ioctl(1, _IOR('P', 23, 4), 0x1234) = -1 ENOTTY <0.000000>",
    "4242 cat  bus: ioctl(1, GETMODE) = -1 EFAULT <0.000000>",
  ]);
});

test("what is no request, and what this version does not know", async () => {
  const { kernel, lines, trace } = await looked(pipe());
  trace();
  const { session } = kernel;
  const header = { len: 50, opcode: 15, unique: 2n, nodeid: 0n, uid: 0, gid: 0, pid: 1, total_extlen: 0, padding: 0 };
  session.buffer.set(encode(abi.fuse_in_header, "lp64", header));
  session.handle(12);
  session.handle(50);
  session.buffer.set(encode(abi.fuse_in_header, "lp64", { ...header, len: 40, opcode: 999 }));
  session.handle(40);
  expect(lines()).toEqual([
    "-  pipe: a message of 12 bytes: shorter than a header",
    "-  pipe: a message of 50 bytes: argument cut off",
    "1  pipe: opcode 999() = -1 ENOSYS <0.000000>",
  ]);
});

test("off, nobody is told anything; on and off again, the same", async () => {
  const { kernel, lines, trace, tap, tracer, clock } = await looked(pipe());
  const file = await kernel.openFile();
  await file.write(bytes("abc"));
  expect(lines()).toEqual([]);
  trace();
  await file.read(1);
  expect(lines()).toHaveLength(1);
  tap.remove(tracer);
  tracer.stop();
  await file.read(1);
  expect(lines()).toEqual([]);
  expect(clock.pending).toBe(0);
});
