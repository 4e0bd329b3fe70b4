// What a served device is said to have done: calls by kind, bytes, errors, times, and who has it open.

import { expect, test } from "vitest";
import { DeviceError, defineDevice, LATENCY_BOUNDS, MemoryKernel, wouldBlock } from "../../src/index.ts";
import { silent } from "../../src/log.ts";
import { Tap } from "../../src/session/monitor.ts";
import { FakeClock } from "../fake-clock.ts";
import { settled } from "./harness.ts";

async function bench() {
  const clock = new FakeClock();
  const kernel = new MemoryKernel({ clock });
  const tap = new Tap();
  let held = 0;
  const device = defineDevice({
    name: "counted",
    read: ({ length }) => (held > 0 ? new Uint8Array(Math.min(held, length)) : wouldBlock),
    write({ data }) {
      if (data.length === 1) throw new DeviceError("EINVAL", "one byte");
      held += data.length;
      return data.length;
    },
  });
  const { driver, files } = device;
  const channel = await kernel.open({ driver, files, path: "/dev/counted", log: silent, tap });
  return { clock, kernel, tap, device, channel };
}

test("calls are counted by kind, with their bytes, and what was refused apart", async () => {
  const { kernel, tap, device, channel } = await bench();
  const file = await kernel.openFile();
  await file.write(new Uint8Array(5));
  expect(await file.read(3)).toHaveLength(3);
  await expect(file.write(new Uint8Array(1))).rejects.toThrow();
  await file.poll();
  const { calls, errors, readBytes, writtenBytes } = tap.counters.counts();
  expect({ calls, errors, readBytes, writtenBytes }).toEqual({
    calls: { open: 1, write: 2, read: 1, poll: 1 },
    errors: 1,
    readBytes: 3,
    writtenBytes: 5,
  });
  const [opened] = device.files;
  expect(opened).toMatchObject({ readBytes: 3, writtenBytes: 5, openedAt: 0, opener: { pid: expect.any(Number) } });
  await file.close();
  expect(tap.counters.counts().calls.release).toBe(1);
  await channel.close();
});

test("a call that waited is in the histogram with its time, and one in 17 of those that did not counts for all", async () => {
  const { clock, kernel, tap, device, channel } = await bench();
  const file = await kernel.openFile();
  const reading = file.read(1);
  await settled();
  clock.advance(300);
  expect([...tap.waiting()].map(({ label, waitedMs, parked }) => ({ label, waitedMs, parked }))).toEqual([
    { label: "read", waitedMs: 300, parked: true },
  ]);
  await file.write(new Uint8Array(5));
  device.readable();
  await reading;
  for (let index = 0; index < 34; index++) await file.read(1);
  const { buckets, seconds } = tap.counters.counts().latency;
  expect(seconds).toBeCloseTo(0.3);
  expect(buckets[LATENCY_BOUNDS.findIndex((bound) => bound >= 0.3)]).toBe(1);
  // The open, and two of what followed it.
  expect(buckets[0]).toBe(3 * 17);
  expect(buckets.reduce((sum, count) => sum + count)).toBe(3 * 17 + 1);
  await channel.close();
});
