import { expect, test } from "vitest";
import { bench } from "./bench.ts";
import { FakeHandheld } from "./fake-handheld.ts";

const M500 = { vendorId: 0x0830, productId: 0x0001 };
const NEVER = new AbortController().signal;

async function opened() {
  const it = await bench();
  const palm = new FakeHandheld(M500);
  await it.bus.plug("1-1", palm, { kernelDriver: "visor" });
  return { ...it, palm, line: await it.open() };
}

test("bytes go both ways on the port that the handheld names", async () => {
  const { palm, line, port } = await opened();
  palm.send(2, Uint8Array.of(1, 2, 3));
  palm.send(2, new Uint8Array(64).fill(7));
  await port.until(({ bytes }) => bytes.length === 67);
  expect(port.bytes).toEqual([1, 2, 3, ...new Uint8Array(64).fill(7)]);

  expect(line.write(Uint8Array.of(4, 5))).toBe(2);
  expect(line.write(Uint8Array.of(6))).toBe(1);
  await line.drain(NEVER);
  expect(palm.received).toEqual(new Map([[2, [4, 5, 6]]]));
  // One packet a transfer: a Palm would not complete a longer one.
  expect(palm.lengths).toEqual(new Set([64]));
  await line.close();
});

test("output is bounded, counted, and taken again when there is room", async () => {
  const { palm, line, port } = await opened();
  palm.hold();
  const room = 65536;
  const flood = Uint8Array.from({ length: room + 5 }, (_, i) => i % 251);
  expect(line.write(flood)).toBe(room);
  expect([line.pendingOutput(), line.write(Uint8Array.of(1))]).toEqual([room, 0]);
  expect(port.writables).toBe(0);

  palm.release();
  await port.until(({ writables }) => writables === 1);
  expect(line.write(flood.subarray(room))).toBe(5);
  await line.drain(NEVER);
  expect(line.pendingOutput()).toBe(0);
  expect(Buffer.from(palm.received.get(2) ?? []).equals(flood)).toBe(true);
  await line.close();
});

test("drain waits for the hardware, ends by its signal, and fails at unplug", async () => {
  const { bus, palm, line } = await opened();
  palm.hold();
  line.write(Uint8Array.of(1));
  const abort = new AbortController();
  const interrupted = line.drain(abort.signal);
  abort.abort();
  await expect(interrupted).rejects.toMatchObject({ code: "EINTR" });

  const unplugged = line.drain(NEVER);
  bus.unplug("1-1");
  await expect(unplugged).rejects.toMatchObject({ code: "EIO" });
  await expect(line.drain(NEVER)).rejects.toMatchObject({ code: "EIO" });
});

test("discarded output is not sent; what is on the wire is", async () => {
  const { palm, line } = await opened();
  palm.hold();
  line.write(Uint8Array.of(1));
  line.write(Uint8Array.of(2, 3));
  line.discardOutput();
  expect(line.pendingOutput()).toBe(1);
  palm.release();
  await line.drain(NEVER);
  expect(palm.received.get(2)).toEqual([1]);
  await line.close();
});

test("the last close tells the handheld, and gives it back to the kernel's driver", async () => {
  const { bus, palm, line, log, port } = await opened();
  expect(bus.claimed("1-1")).toEqual([0]);
  expect(log.said("taken from the visor")).toHaveLength(1);
  await line.close();
  await line.close();
  expect(palm.asked).toEqual(["c2 4 i0 l20", "c2 2 i0 l18"]);
  expect(bus.claimed("1-1")).toEqual([]);
  palm.send(2, Uint8Array.of(9));
  expect([port.bytes, port.hangups, line.write(Uint8Array.of(1))]).toEqual([[], 0, 0]);
});

test("unplug hangs the port up once; the node can be opened again at replug", async () => {
  const { bus, line, port, log, open } = await opened();
  bus.unplug("1-1");
  await port.until(({ hangups }) => hangups === 1);
  await line.close();
  await expect(open()).rejects.toMatchObject({ code: "ENODEV" });

  const again = new FakeHandheld(M500);
  await bus.plug("1-2", again);
  const second = await open();
  second.write(Uint8Array.of(8));
  await second.drain(NEVER);
  expect(again.received.get(2)).toEqual([8]);
  await second.close();
  expect(port.hangups).toBe(1);
  expect(log.said("handheld unplugged: Palm m500 (0830:0001) at 1-1")).toHaveLength(1);
});

test("output that fails hangs the port up, because a stream with a hole is worse", async () => {
  const { bus, palm, line, port, log } = await opened();
  palm.stallOutput();
  line.write(Uint8Array.of(1));
  await port.until(({ hangups }) => hangups === 1);
  await expect(line.drain(NEVER)).rejects.toMatchObject({ code: "EIO" });
  expect(log.said("output failed")).toHaveLength(1);
  await line.close();
  expect(bus.claimed("1-1")).toEqual([]);
});

/** Stops reading and lets all transfers that are in flight come back. */
async function throttled() {
  const it = await opened();
  it.line.throttle(true);
  for (let i = 0; i < 40; i++) it.palm.send(2, Uint8Array.of(i));
  await it.port.until(({ bytes }) => bytes.length === 16);
  it.line.write(Uint8Array.of(0));
  await it.line.drain(NEVER);
  return it;
}

test("a throttled line stops reading, and loses nothing", async () => {
  const { line, port } = await throttled();
  expect(port.bytes).toHaveLength(16);
  line.throttle(false);
  await port.until(({ bytes }) => bytes.length === 40);
  expect(port.bytes).toEqual(Array.from({ length: 40 }, (_, i) => i));
  await line.close();
});

test("unplug is heard of with no transfer under way", async () => {
  const { bus, port } = await throttled();
  bus.unplug("1-1");
  await port.until(({ hangups }) => hangups === 1);
});
