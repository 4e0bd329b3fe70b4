// The clocks: what they make of reports and the time since. Times are chosen, nothing waits.

import { expect, test } from "vitest";
import { momentOf, PlaybackClock, RecordClock, type TimingReport } from "../src/timing.ts";

const SPEC = { format: "s16le", channels: 2, rate: 48000 } as const;
/** Bytes a millisecond. */
const MS = 192;

const report = (fields: Partial<TimingReport>): TimingReport => ({
  at: 1000,
  deviceUsec: 0,
  playing: true,
  writeIndex: 0,
  readIndex: 0,
  silentFor: 0,
  ...fields,
});

test("before the first report everything is still to be heard", () => {
  const clock = new PlaybackClock(SPEC);
  clock.wrote(10 * MS);
  expect(clock.at(5)).toEqual({
    written: 10 * MS,
    played: 0,
    delay: 10 * MS,
    delayUsec: 10_000,
    playing: false,
    age: Number.POSITIVE_INFINITY,
  });
});

test("while it plays the delay shrinks with time and grows with what is written, down to nothing", () => {
  const clock = new PlaybackClock(SPEC);
  clock.wrote(100 * MS);
  const reported = clock.asking();
  // Written after the report was asked for: the server does not know of it.
  clock.wrote(20 * MS);
  reported(report({ deviceUsec: 30_000, writeIndex: 100 * MS, readIndex: 40 * MS }));
  expect(clock.at(1000)).toMatchObject({ delay: (60 + 30 + 20) * MS, played: 10 * MS, playing: true, age: 0 });
  expect(clock.at(1050)).toMatchObject({ delay: 60 * MS, played: 60 * MS, age: 50 });
  clock.wrote(10 * MS);
  expect(clock.at(1050)).toMatchObject({ delay: 70 * MS, written: 130 * MS });
  expect(clock.at(5000)).toMatchObject({ delay: 0, played: 130 * MS });
});

test("while it stands the queue stays, and only what the device had goes on", () => {
  const clock = new PlaybackClock(SPEC);
  clock.wrote(100 * MS);
  const standing = { playing: false, deviceUsec: 30_000, writeIndex: 100 * MS, readIndex: 60 * MS };
  clock.asking()(report(standing));
  expect(clock.at(1000).delay).toBe(70 * MS);
  expect(clock.at(1010).delay).toBe(60 * MS);
  expect(clock.at(9000).delay).toBe(40 * MS);
  // The device has given silence for 25 ms: 5 ms of sound are left in it.
  const silent = new PlaybackClock(SPEC);
  silent.wrote(100 * MS);
  silent.asking()(report({ ...standing, readIndex: 100 * MS, silentFor: 25 * MS }));
  expect(silent.at(1000).delay).toBe(5 * MS);
});

test("what was heard stays heard, whatever a later report says", () => {
  const clock = new PlaybackClock(SPEC);
  clock.wrote(100 * MS);
  clock.asking()(report({ writeIndex: 100 * MS, readIndex: 0 }));
  expect(clock.at(1050).played).toBe(50 * MS);
  clock.asking()(report({ at: 1050, writeIndex: 100 * MS, readIndex: 20 * MS }));
  expect(clock.at(1050).played).toBe(50 * MS);
  expect(clock.at(1090).played).toBe(60 * MS);
  clock.drainingUpTo()();
  expect(clock.at(1090)).toMatchObject({ played: 100 * MS, delay: 0 });
});

test("after a flush the count starts again, and reports and drains from before it say nothing", () => {
  const clock = new PlaybackClock(SPEC);
  clock.wrote(100 * MS);
  const reported = clock.asking();
  const drained = clock.drainingUpTo();
  clock.flushed();
  clock.wrote(10 * MS);
  reported(report({ at: 2000, writeIndex: 100 * MS, readIndex: 100 * MS }));
  drained();
  expect(clock.at(2005)).toMatchObject({ written: 10 * MS, played: 0, delay: 10 * MS, playing: false });
  // The device still has 40 ms of what was flushed: no more of it is ours than what was written since.
  clock.asking()(report({ at: 3000, deviceUsec: 40_000, writeIndex: 50 * MS, readIndex: 50 * MS }));
  expect(clock.at(3000)).toMatchObject({ played: 0, delay: 10 * MS });
  expect(clock.at(3035)).toMatchObject({ played: 5 * MS, delay: 5 * MS });
});

test("numbers that no server sends harm nobody", () => {
  const clock = new PlaybackClock(SPEC);
  clock.wrote(10 * MS);
  for (const bad of [-(2 ** 63), 2 ** 63, Number.MAX_SAFE_INTEGER]) {
    clock.asking()(report({ deviceUsec: Math.abs(bad), writeIndex: bad, readIndex: -bad, silentFor: bad }));
    const { delay, played } = clock.at(1000);
    expect(delay + played).toBe(10 * MS);
    expect(delay).toBeGreaterThanOrEqual(0);
  }
});

test("a recorded sample gets older as it waits, also in the server", () => {
  const clock = new RecordClock(SPEC);
  expect(clock.at(1000, 0, 0)).toMatchObject({ delayUsec: 0, recording: false });
  clock.reported(report({ deviceUsec: 10_000, writeIndex: 30 * MS, readIndex: 20 * MS }), 20 * MS);
  expect(clock.at(1000, 20 * MS, 5 * MS)).toMatchObject({ delayUsec: 25_000, recording: true, available: 5 * MS });
  // 10 ms later the server has sent what it had, and nobody read.
  expect(clock.at(1010, 30 * MS, 15 * MS).delayUsec).toBe(35_000);
  expect(clock.at(1010, 30 * MS, 0).delayUsec).toBe(20_000);
});

test("a moment is the server's time stamp within the round trip, or the middle of it", () => {
  expect(momentOf(100, 110, 4000)).toBe(104);
  expect(momentOf(100, 110, -1)).toBe(105);
  expect(momentOf(100, 110, 10_001)).toBe(105);
});
