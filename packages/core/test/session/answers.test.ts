// Every request is answered exactly once, whatever the driver does.

import { expect, test, vi } from "vitest";
import {
  array,
  bytes as byteArray,
  command,
  DeviceError,
  defineDevice,
  ERRNO,
  iowr,
  ptr,
  struct,
  u16,
  u32,
} from "../../src/index.ts";
import { bytes, errno, isPending, settled, start, text } from "./harness.ts";

test("what is missing has the errno of a kernel driver without it", async () => {
  const { kernel } = await start(defineDevice({ name: "empty" }));
  const file = await kernel.openFile();
  expect(await errno(file.read(1))).toBe("EINVAL");
  expect(await errno(file.write(bytes("x")))).toBe("EINVAL");
  expect(await errno(file.ioctl(0x5401, 0n))).toBe("ENOTTY");
  await file.close();
  expect(kernel.session.opens).toBe(0);
});

test("a thrown DeviceError is its errno; anything else is EIO and a logged error, and the daemon lives", async () => {
  const device = defineDevice({
    name: "throws",
    read({ length }) {
      if (length === 1) throw new DeviceError("EBUSY", "taken");
      throw new TypeError("a bug");
    },
    write: async ({ data }) => {
      if (data.length === 1) throw new DeviceError("ENOSPC");
      throw new TypeError("a late bug");
    },
    open({ flags }) {
      if (flags === 0) throw new DeviceError("EACCES");
    },
  });
  const { kernel, log } = await start(device);
  expect(await errno(kernel.openFile(0))).toBe("EACCES");
  const file = await kernel.openFile(2);
  expect(await errno(file.read(1))).toBe("EBUSY");
  expect(await errno(file.write(bytes("x")))).toBe("ENOSPC");
  expect(log.at("error")).toEqual([]);
  expect(await errno(file.read(2))).toBe("EIO");
  expect(await errno(file.write(bytes("xx")))).toBe("EIO");
  expect(log.at("error")).toHaveLength(2);
  expect(await errno(file.read(1))).toBe("EBUSY");
});

test.each([
  ["more bytes than asked for", { read: () => new Uint8Array(5) }],
  ["no bytes at all", { read: () => JSON.parse("null") }],
  ["a count beyond the data", { write: () => 5 }],
  ["a negative count", { write: () => -1 }],
  ["a count that is none", { write: () => Number.NaN }],
])("a driver that answers with %s: EIO and a logged error", async (_, callbacks) => {
  const { kernel, log } = await start(defineDevice({ name: "wrong", ...callbacks }));
  const file = await kernel.openFile();
  expect(await errno("read" in callbacks ? file.read(4) : file.write(bytes("1234")))).toBe("EIO");
  expect(log.at("error")).toHaveLength(1);
});

test("a write that fails half-way answers with what was taken", async () => {
  const device = defineDevice({
    name: "full",
    write({ data }) {
      if (data.length <= 3) throw new DeviceError("ENOSPC");
      return 1;
    },
  });
  const { kernel } = await start(device);
  expect(await (await kernel.openFile()).write(bytes("012345"))).toBe(3);
});

test("an interrupted handler that heeds its signal: EINTR", async () => {
  const device = defineDevice({
    name: "async",
    read: ({ signal }) =>
      new Promise<Uint8Array>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const { kernel, log } = await start(device);
  const signal = new AbortController();
  const reading = errno((await kernel.openFile()).read(1, { signal: signal.signal }));
  expect(await isPending(reading)).toBe(true);
  signal.abort();
  expect(await reading).toBe("EINTR");
  expect(log.at("error")).toEqual([]);
});

test("an interrupted handler that ends with a value has done its work", async () => {
  let finish: (data: Uint8Array) => void = () => undefined;
  const device = defineDevice({
    name: "late",
    read: () =>
      new Promise<Uint8Array>((resolve) => {
        finish = resolve;
      }),
  });
  const { kernel } = await start(device);
  const signal = new AbortController();
  const reading = (await kernel.openFile()).read(4, { signal: signal.signal });
  signal.abort();
  finish(bytes("done"));
  expect(text(await reading)).toBe("done");
});

test("a handler that ignores its signal cannot hold its caller; an open that ends too late is released", async () => {
  let finish: (state: string) => void = () => undefined;
  const release = vi.fn();
  const device = defineDevice({
    name: "deaf",
    open: () =>
      new Promise<string>((resolve) => {
        finish = resolve;
      }),
    release: ({ state }) => release(state),
  });
  const { kernel, clock, log } = await start(device);
  const signal = new AbortController();
  const opening = errno(kernel.openFile(2, { signal: signal.signal }));
  signal.abort();
  clock.advance(999);
  expect(await isPending(opening)).toBe(true);
  clock.advance(1);
  expect(await opening).toBe("EINTR");
  expect(log.at("warn")).toHaveLength(1);
  finish("too late");
  await settled();
  expect(release).toHaveBeenCalledExactlyOnceWith("too late");
  expect(device.files.size).toBe(0);
});

test("two writes that wait each keep their own bytes", async () => {
  const seen: Uint8Array[] = [];
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const device = defineDevice({
    name: "async-write",
    async write({ data }) {
      await gate;
      seen.push(data.slice());
      return data.length;
    },
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const writes = [file.write(bytes("first")), file.write(bytes("other"))];
  go();
  expect(await Promise.all(writes)).toEqual([5, 5]);
  expect(seen.map(text)).toEqual(["first", "other"]);
});

const Point = struct({ x: u16, y: u32 });
const Message = struct({ len: u16, buf: ptr(byteArray("len", { max: 64 }), "inout") });
const Transfer = struct({ messages: ptr(array(Message, "count", { max: 4 }), "in"), count: u32 });

const calculator = () =>
  defineDevice({
    name: "calculator",
    commands: { MOVE: iowr("c", 1, Point), FLAG: command(0x5410), TRANSFER: command(0x0707, Transfer) },
    ioctl: {
      MOVE({ arg }) {
        arg.x += 1;
        arg.y *= 2;
        return 7;
      },
      FLAG: ({ arg }) => arg + 1,
      async TRANSFER({ arg }) {
        await Promise.resolve();
        for (const message of arg.messages) message.buf.reverse();
        return arg.messages.length;
      },
    },
  });

test("an ioctl's argument goes in and comes back in two rounds", async () => {
  const { kernel } = await start(calculator());
  const file = await kernel.openFile();
  const point = new Uint8Array([1, 0, 0, 0, 21, 0, 0, 0]);
  expect(await file.ioctl(0xc008_6301, kernel.memory.map(point))).toBe(7);
  expect([...point]).toEqual([2, 0, 0, 0, 42, 0, 0, 0]);
  expect(await file.ioctl(0x5410, 2n)).toBe(3);
  expect(await errno(file.ioctl(0xc008_6301, 16n))).toBe("EFAULT");
  expect(await errno(file.ioctl(0xc008_6302, 16n))).toBe("ENOTTY");
});

test.each([
  ["lp64", 8, 16],
  ["ilp32", 4, 8],
] as const)("nested pointers of a %s caller", async (model, pointerSize, messageSize) => {
  const { kernel } = await start(calculator());
  const file = await kernel.openFile();
  const buffers = [bytes("abc"), bytes("12345")];
  const messages = new DataView(new ArrayBuffer(messageSize * 2));
  const setPointer = (view: DataView, offset: number, address: bigint) =>
    pointerSize === 8 ? view.setBigUint64(offset, address, true) : view.setUint32(offset, Number(address), true);
  buffers.forEach((buffer, index) => {
    messages.setUint16(index * messageSize, buffer.length, true);
    setPointer(messages, index * messageSize + pointerSize, kernel.memory.map(buffer));
  });
  const transfer = new DataView(new ArrayBuffer(pointerSize * 2));
  setPointer(transfer, 0, kernel.memory.map(new Uint8Array(messages.buffer)));
  transfer.setUint32(pointerSize, 2, true);
  expect(await file.ioctl(0x0707, kernel.memory.map(new Uint8Array(transfer.buffer)), model)).toBe(2);
  expect(buffers.map(text)).toEqual(["cba", "54321"]);
});

test("a handle that was never given out, and one that was closed: EBADF", async () => {
  const { kernel } = await start(defineDevice({ name: "stale", read: () => bytes("x") }));
  const file = await kernel.openFile();
  await file.close();
  expect(await errno(file.read(1))).toBe("EBADF");
  expect(ERRNO.EBADF).toBe(9);
});

test("a release that takes too long has its signal aborted; one that ignores that does not hold the closer for ever", async () => {
  const aborted: boolean[] = [];
  const device = defineDevice({
    name: "slow",
    releaseMs: 5000,
    release: ({ signal }) =>
      new Promise<void>(() => signal.addEventListener("abort", () => aborted.push(signal.aborted))),
  });
  const { kernel, clock, log } = await start(device);
  const closing = (await kernel.openFile()).close();
  clock.advance(4999);
  expect(await isPending(closing)).toBe(true);
  clock.advance(1);
  expect(aborted).toEqual([true]);
  expect(await isPending(closing)).toBe(true);
  clock.advance(1000);
  await closing;
  expect(log.at("warn")).toHaveLength(2);
  expect(kernel.session.waiting).toBe(0);
});

test("a release that ends in time leaves no timer behind", async () => {
  const { kernel, clock, log } = await start(defineDevice({ name: "quick", release: async () => undefined }));
  await (await kernel.openFile()).close();
  clock.advance(1_000_000);
  expect(log.at("warn")).toEqual([]);
});
