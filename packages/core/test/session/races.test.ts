// What happens when things happen inside each other: wake-ups in handlers, hang-ups in handlers, aborts of handlers that
// do not end, and the end of the channel in the middle of it all.

import { expect, test, vi } from "vitest";
import {
  DeviceError,
  defineDevice,
  type OpenFile,
  type WouldBlock,
  wouldBlock,
  wouldBlockFor,
} from "../../src/index.ts";
import { bytes, errno, isPending, settled, start, text } from "./harness.ts";

/** A promise and its handle. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test("a wake-up between an async handler's answer and its arrival is not lost", async () => {
  const queue: Uint8Array[] = [];
  const device = defineDevice({
    name: "async-queue",
    read: async () => queue.shift() ?? wouldBlock,
    write({ data }) {
      queue.push(data.slice());
      device.readable();
      return data.length;
    },
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const reading = file.read(10);
  // In the same turn: the read's promise has been fulfilled with wouldBlock, and nobody has looked at it yet.
  await file.write(bytes("there"));
  expect(text(await reading)).toBe("there");
});

test("a reader that frees room and answers with a view of it is not overwritten by the writer it wakes", async () => {
  const ring = new Uint8Array(4);
  let held = 0;
  const device = defineDevice({
    name: "ring",
    read() {
      if (held === 0) return wouldBlock;
      const given = ring.subarray(0, held);
      held = 0;
      device.writable();
      return given;
    },
    write({ data }) {
      if (held > 0) return wouldBlock;
      held = Math.min(4, data.length);
      ring.set(data.subarray(0, held));
      device.readable();
      return held;
    },
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  await file.write(bytes("AAAA"));
  const writing = file.write(bytes("BBBB"));
  expect(text(await file.read(4))).toBe("AAAA");
  expect(await writing).toBe(4);
  expect(text(await file.read(4))).toBe("BBBB");
});

test("the time limit of an earlier answer does not ask a handler that is already at it again", async () => {
  let asked = 0;
  const late = deferred<Uint8Array>();
  const device = defineDevice({
    name: "timer",
    read: () => (asked++ === 0 ? wouldBlockFor(100) : late.promise),
  });
  const { kernel, clock } = await start(device);
  const reading = (await kernel.openFile()).read(9);
  device.readable();
  clock.advance(500);
  expect(asked).toBe(2);
  late.resolve(bytes("once"));
  expect(text(await reading)).toBe("once");
});

test("a handler that goes on after wouldBlockFor is still bound by the grace time when a signal comes", async () => {
  let asked = 0;
  const device = defineDevice({
    name: "deaf-timer",
    read: () => (asked++ === 0 ? wouldBlockFor(100) : new Promise<Uint8Array>(() => undefined)),
  });
  const { kernel, clock } = await start(device);
  const signal = new AbortController();
  const reading = errno((await kernel.openFile()).read(9, { signal: signal.signal }));
  await settled();
  clock.advance(100);
  signal.abort();
  clock.advance(1000);
  expect(await reading).toBe("EINTR");
});

test.each<[string, (file: OpenFile) => WouldBlock | Promise<WouldBlock>]>([
  ["returns wouldBlock", () => wouldBlock],
  ["is async", async () => wouldBlock],
])("a handler that hangs its own file up and %s: end of file", async (_, answer) => {
  const device = defineDevice({
    name: "suicide",
    read({ file }) {
      file.hangup();
      return answer(file);
    },
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  expect((await file.read(1)).length).toBe(0);
  expect(kernel.session.waiting).toBe(0);
});

test("hang-up while an async read runs: end of file, as for one that is parked; a write gets EIO", async () => {
  const device = defineDevice({
    name: "gone",
    read: ({ signal }) => new Promise<Uint8Array>((_, no) => signal.addEventListener("abort", () => no(signal.reason))),
    write: ({ signal }) => new Promise<number>((_, no) => signal.addEventListener("abort", () => no(signal.reason))),
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const [reading, writing] = [file.read(1), errno(file.write(bytes("x")))];
  await settled();
  device.hangup();
  expect((await reading).length).toBe(0);
  expect(await writing).toBe("EIO");
});

test("a write whose handler is deaf keeps its bytes to itself after its caller is gone", async () => {
  const seen: Uint8Array[] = [];
  const device = defineDevice({
    name: "deaf-write",
    write({ data }) {
      seen.push(data);
      return new Promise<number>(() => undefined);
    },
  });
  const { kernel, clock } = await start(device);
  const file = await kernel.openFile();
  const signal = new AbortController();
  const first = errno(file.write(bytes("first"), { signal: signal.signal }));
  signal.abort();
  clock.advance(1000);
  expect(await first).toBe("EINTR");
  for (let i = 0; i < 3; i++) void errno(file.write(bytes("SECRET")));
  expect(seen.slice(0, 1).map(text)).toEqual(["first"]);
});

test("ENOSYS of a driver's open reaches the caller as ENXIO: the kernel would never ask again", async () => {
  const open = () => {
    throw new DeviceError("ENOSYS");
  };
  const { kernel } = await start(defineDevice({ name: "enosys", open }));
  expect(await errno(kernel.openFile())).toBe("ENXIO");
});

test("a driver's poll that answers with a promise: POLLERR, and its rejection is nobody's end", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  // An async function is no poll by its type; a driver in plain JavaScript can have one.
  const later = () => Promise.reject(new RangeError("later"));
  const { kernel } = await start(defineDevice({ name: "poll", poll: () => JSON.parse("0", later) }));
  const file = await kernel.openFile();
  expect(await file.poll()).toBe(0x8);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test("close frees a parked open, releases an open that ends too late, and waits for handlers first", async () => {
  const order: string[] = [];
  const opening = deferred<string>();
  const reading = deferred<Uint8Array>();
  let opens = 0;
  const device = defineDevice({
    name: "closing",
    open(): WouldBlock | Promise<string> | string {
      opens++;
      if (opens === 1) return "first";
      return opens === 2 ? wouldBlock : opening.promise;
    },
    async read() {
      const data = await reading.promise;
      order.push("read ends");
      return data;
    },
    release: ({ state }) => void order.push(`release ${state}`),
  });
  const { kernel, channel, clock } = await start(device);
  const file = await kernel.openFile();
  const read = file.read(4);
  const [parked, late] = [errno(kernel.openFile()), errno(kernel.openFile())];
  await settled();
  const closing = channel.close().then(() => order.push("closed"));
  expect(await parked).toBe("ENODEV");
  expect(await isPending(closing)).toBe(true);
  reading.resolve(bytes("data"));
  opening.resolve("second");
  expect(text(await read)).toBe("data");
  expect(await late).toBe("ENODEV");
  await closing;
  expect(order.slice(0, 1)).toEqual(["read ends"]);
  expect([...order].sort()).toEqual(["closed", "read ends", "release first", "release second"]);
  expect(order.at(-1)).toBe("closed");
  expect(device.files.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test("close does not wait for ever: not for a deaf handler, not for a deaf release", async () => {
  const device = defineDevice({
    name: "deaf",
    read: () => new Promise<Uint8Array>(() => undefined),
    release: () => new Promise<void>(() => undefined),
  });
  const { kernel, channel, clock, log } = await start(device);
  const reading = (await kernel.openFile()).read(1);
  const closing = channel.close();
  clock.advance(1000);
  expect((await reading).length).toBe(0);
  await settled();
  clock.advance(1000);
  await closing;
  expect(log.at("warn")).toHaveLength(2);
});

test("a device on two channels: the end of one leaves the files of the other alone", async () => {
  const release = vi.fn();
  const device = defineDevice({ name: "twice", read: () => wouldBlock, release });
  const [one, two] = [await start(device), await start(device)];
  const reading = (await one.kernel.openFile()).read(1);
  await two.kernel.openFile();
  await two.channel.close();
  expect(release).toHaveBeenCalledOnce();
  expect(await isPending(reading)).toBe(true);
  expect(device.files.size).toBe(1);
});

test("many small writes that wait hold their bytes, not a buffer each", async () => {
  const device = defineDevice({ name: "full", write: () => wouldBlock });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const buffer = kernel.session.buffer;
  for (let i = 0; i < 100; i++) void errno(file.write(bytes("x")));
  expect(kernel.session.waiting).toBe(100);
  expect(kernel.session.buffer).toBe(buffer);
});

test("wouldBlockFor: for ever is no timer, and no number is a mistake", async () => {
  const { kernel, clock } = await start(defineDevice({ name: "forever", read: () => wouldBlockFor(Infinity) }));
  expect(await isPending((await kernel.openFile()).read(1))).toBe(true);
  expect(clock.pending).toBe(0);
  expect(() => wouldBlockFor(Number.NaN)).toThrow(/milliseconds/);
});

test('writes: "once" gives a blocking caller just what was taken', async () => {
  const write = vi.fn(() => 3);
  const { kernel } = await start(defineDevice({ name: "message", writes: "once", write }));
  expect(await (await kernel.openFile()).write(bytes("12345"))).toBe(3);
  expect(write).toHaveBeenCalledOnce();
});

test("two callers that wake each other for ever do not stop the event loop", async () => {
  const device = defineDevice({
    name: "ping-pong",
    read() {
      device.readable();
      return wouldBlock;
    },
  });
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const reads = [file.read(1), file.read(1)];
  device.readable();
  expect(await isPending(Promise.all(reads))).toBe(true);
});
