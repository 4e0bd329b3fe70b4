// The one mechanism for blocking, O_NONBLOCK, poll, signals and hang-up.

import { expect, test, vi } from "vitest";
import { command, defineDevice, type OpenFile, POLL, wouldBlock, wouldBlockFor } from "../../src/index.ts";
import { bytes, errno, isPending, settled, start, text } from "./harness.ts";

/** A pipe with room for `room` bytes. */
function pipe(room = 8) {
  let held = new Uint8Array(0);
  const device = defineDevice({
    name: "pipe",
    open: () => ({}),
    read({ length }) {
      if (held.length === 0) return wouldBlock;
      const given = held.subarray(0, length);
      held = held.subarray(given.length);
      device.writable();
      return given;
    },
    write({ data }) {
      const taken = data.subarray(0, room - held.length);
      if (taken.length === 0) return wouldBlock;
      held = new Uint8Array([...held, ...taken]);
      device.readable();
      return taken.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | (held.length < room ? POLL.OUT : 0),
    commands: { TICK: command(0x5401, "none") },
    ioctl: { TICK: () => 0 },
  });
  return device;
}

test("a blocking read waits until a write makes it possible", async () => {
  const { kernel } = await start(pipe());
  const file = await kernel.openFile();
  const reading = file.read(100);
  expect(await isPending(reading)).toBe(true);
  await file.write(bytes("abc"));
  expect(text(await reading)).toBe("abc");
  expect(kernel.session.waiting).toBe(0);
});

test("O_NONBLOCK counts as it is at the call, not at the open", async () => {
  const { kernel } = await start(pipe());
  const file = await kernel.openFile();
  file.nonBlocking = true;
  expect(await errno(file.read(1))).toBe("EAGAIN");
  file.nonBlocking = false;
  expect(await isPending(file.read(1))).toBe(true);
});

test("a driver makes its file non-blocking: from the next call on, other files not, and until it says otherwise", async () => {
  const device = pipe();
  const { kernel } = await start(device);
  const [file, other] = [await kernel.openFile(), await kernel.openFile()];
  const [waiting, elsewhere] = [file.read(1), other.read(1)];
  await settled();
  const [served] = [...device.files];
  served?.setNonBlocking(true);
  expect(await errno(file.read(1))).toBe("EAGAIN");
  file.nonBlocking = false;
  expect(await errno(file.read(1))).toBe("EAGAIN");
  expect(await file.write(bytes("0123456789"))).toBe(8);
  expect([text(await waiting), text(await elsewhere)]).toEqual(["0", "1"]);
  served?.setNonBlocking(false);
  expect(text(await file.read(6))).toBe("234567");
  expect(await isPending(file.read(1))).toBe(true);
});

test("a blocking write goes on until everything is taken", async () => {
  const { kernel } = await start(pipe(4));
  const [writer, reader] = [await kernel.openFile(), await kernel.openFile()];
  const writing = writer.write(bytes("0123456789"));
  expect(await isPending(writing)).toBe(true);
  let got = "";
  while (got.length < 10) got += text(await reader.read(3));
  expect(got).toBe("0123456789");
  expect(await writing).toBe(10);
});

test("a non-blocking write takes what there is room for, then EAGAIN", async () => {
  const { kernel } = await start(pipe(4));
  const file = await kernel.openFile();
  file.nonBlocking = true;
  expect(await file.write(bytes("0123456789"))).toBe(4);
  expect(await errno(file.write(bytes("x")))).toBe("EAGAIN");
});

test("readers are served in the order in which they came", async () => {
  const { kernel } = await start(pipe());
  const file = await kernel.openFile();
  const order: string[] = [];
  const reads = [1, 2, 3].map((n) => file.read(1).then((data) => order.push(`${n}${text(data)}`)));
  await settled();
  await file.write(bytes("abc"));
  await Promise.all(reads);
  expect(order).toEqual(["1a", "2b", "3c"]);
});

test("a signal frees a parked read with EINTR, and the byte goes to the next reader", async () => {
  const { kernel } = await start(pipe());
  const file = await kernel.openFile();
  const signal = new AbortController();
  const first = file.read(1, { signal: signal.signal });
  const second = file.read(1);
  await settled();
  signal.abort();
  expect(await errno(first)).toBe("EINTR");
  await file.write(bytes("x"));
  expect(text(await second)).toBe("x");
});

test("a signal gives a half-done write its count", async () => {
  const { kernel } = await start(pipe(4));
  const file = await kernel.openFile();
  const signal = new AbortController();
  const writing = file.write(bytes("0123456789"), { signal: signal.signal });
  await settled();
  signal.abort();
  expect(await writing).toBe(4);
});

test("poll tells the state now, and wakes who waits once a change", async () => {
  const { kernel } = await start(pipe(4));
  const file = await kernel.openFile();
  const wake = vi.fn();
  expect(await file.poll(wake)).toBe(POLL.OUT | POLL.WRNORM);
  await file.write(bytes("full"));
  expect(wake).toHaveBeenCalledTimes(1);
  expect(await file.poll()).toBe(POLL.IN | POLL.RDNORM);
  await file.read(1);
  expect(wake).toHaveBeenCalledTimes(1);
});

test("a driver without poll is always ready, as in the kernel", async () => {
  const { kernel } = await start(defineDevice({ name: "plain" }));
  const file = await kernel.openFile();
  expect(await file.poll()).toBe(POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM);
});

test("hang-up ends what waits and what comes later, for the files that were open", async () => {
  const device = pipe(4);
  const { kernel } = await start(device);
  const file = await kernel.openFile();
  const writing = file.write(bytes("0123456789"));
  await settled();
  await (await kernel.openFile()).read(4); // room for four more, so eight are taken
  await settled();
  const other = await kernel.openFile();
  await other.read(4);
  await settled();
  const wake = vi.fn();
  await file.poll(wake);
  const reading = other.read(9);
  expect(text(await reading)).toBe("89");
  const parked = other.read(1);
  await settled();
  device.hangup();
  expect(await writing).toBe(10);
  expect((await parked).length).toBe(0);
  expect(wake).toHaveBeenCalled();
  expect((await file.read(1)).length).toBe(0);
  expect(await errno(file.write(bytes("x")))).toBe("EIO");
  expect(await errno(file.ioctl(0x5401, 0n))).toBe("EIO");
  expect(await file.poll()).toBe(POLL.IN | POLL.OUT | POLL.ERR | POLL.HUP | POLL.RDNORM | POLL.WRNORM);
  const fresh = await kernel.openFile();
  expect(await fresh.write(bytes("new"))).toBe(3);
});

test("wouldBlockFor asks again when its time is over, and waitedMs tells how long it was", async () => {
  const waits: number[] = [];
  const device = defineDevice({
    name: "timer",
    read({ waitedMs }) {
      waits.push(waitedMs);
      return waitedMs >= 100 ? bytes("timeout") : wouldBlockFor(100 - waitedMs);
    },
  });
  const { kernel, clock } = await start(device);
  const file = await kernel.openFile();
  const reading = file.read(10);
  clock.advance(60);
  device.readable();
  clock.advance(39);
  expect(await isPending(reading)).toBe(true);
  clock.advance(1);
  expect(text(await reading)).toBe("timeout");
  expect(waits).toEqual([0, 60, 100]);
  expect(clock.pending).toBe(0);
});

test("a wake-up that comes while the handler runs is not lost", async () => {
  let ready = false;
  const device = defineDevice({
    name: "self",
    read() {
      if (ready) return bytes("x");
      ready = true;
      device.readable();
      return wouldBlock;
    },
  });
  const { kernel } = await start(device);
  expect(text(await (await kernel.openFile()).read(1))).toBe("x");
});

test("a handler that wakes itself for ever is parked, not asked for ever", async () => {
  let asked = 0;
  const device = defineDevice({
    name: "restless",
    read() {
      asked++;
      device.readable();
      return wouldBlock;
    },
  });
  const { kernel } = await start(device);
  expect(await isPending((await kernel.openFile()).read(1))).toBe(true);
  expect(asked).toBeLessThan(20);
});

test("one file's wake-up is for its own callers only", async () => {
  const files: OpenFile[] = [];
  const ready = new Set<OpenFile>();
  const device = defineDevice({
    name: "own",
    open({ file }) {
      files.push(file);
      return { file };
    },
    read: ({ file }) => (ready.has(file) ? bytes("mine") : wouldBlock),
  });
  const { kernel } = await start(device);
  const [a, b] = [await kernel.openFile(), await kernel.openFile()];
  const [readingA, readingB] = [a.read(9), b.read(9)];
  for (const file of files.slice(1)) {
    ready.add(file);
    file.readable();
  }
  expect(text(await readingB)).toBe("mine");
  expect(await isPending(readingA)).toBe(true);
});

test("closing the channel frees every caller and releases each file once", async () => {
  const released = vi.fn();
  const device = defineDevice({
    name: "closing",
    open: () => "state",
    read: () => wouldBlock,
    write: ({ signal }) =>
      new Promise<number>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    release: ({ state }) => released(state),
  });
  const { kernel, channel } = await start(device);
  const [a, b] = [await kernel.openFile(), await kernel.openFile()];
  const reading = a.read(1);
  const writing = errno(b.write(bytes("x")));
  await settled();
  await channel.close();
  expect((await reading).length).toBe(0);
  expect(await writing).toBe("EIO");
  expect(released.mock.calls).toEqual([["state"], ["state"]]);
});

test("while the channel closes, opens are refused, and a RELEASE that comes then does not release twice", async () => {
  let finish: () => void = () => undefined;
  const release = vi.fn(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const { kernel, channel } = await start(defineDevice({ name: "twice", release }));
  const file = await kernel.openFile();
  const closing = channel.close();
  await settled();
  expect(await errno(kernel.openFile())).toBe("ENODEV");
  await file.close();
  expect(release).toHaveBeenCalledOnce();
  finish();
  await closing;
});
