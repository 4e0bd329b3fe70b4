// Sessions recorded on a kernel in memory and made again: the same driver gives no difference, another one shows it.

import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { AnyDevice } from "../../src/index.ts";
import {
  DeviceError,
  defineDevice,
  encode,
  iow,
  iowr,
  POLL,
  silent,
  struct,
  u32,
  wouldBlock,
} from "../../src/index.ts";
import { RECORD, type Recorded, readRecording } from "../../src/trace/recording.ts";
import { type ReplayResult, replayRecording } from "../../src/trace/replay.ts";
import { FakeClock } from "../fake-clock.ts";
import { bytes, errno, settled } from "../session/harness.ts";
import { looked } from "./bench.ts";

const PATIENCE_MS = 5000;

/** Replays with a clock that goes on while the driver does; with `hurries` ever faster, where it may have to wait for long. */
async function replayed(
  device: AnyDevice,
  recording: Uint8Array,
  { paced = false, clock = new FakeClock(), patienceMs = PATIENCE_MS, hurries = false } = {},
): Promise<ReplayResult & { lines: string[] }> {
  const lines: string[] = [];
  const messages = renumber(readRecording([recording], (sentence) => lines.push(sentence)));
  let ended = false;
  onTestFinished(() => {
    ended = true;
  });
  const running = replayRecording([device], messages, {
    clock,
    paced,
    patienceMs,
    log: silent,
    write: (line) => lines.push(line),
  });
  const end = () => {
    ended = true;
  };
  void running.then(end, end);
  for (let step = 100; !ended; step *= hurries ? 2 : 1) {
    await settled();
    clock.advance(step);
  }
  return { ...(await running), lines };
}

/** Files as another session would have numbered them: 1 is 2, 2 is 1, with the flags of another channel. */
function* renumber(messages: Iterable<Recorded>): Generator<Recorded> {
  const opens = new Set<bigint>();
  for (const message of messages) {
    const bytes = message.bytes.slice();
    const view = new DataView(bytes.buffer);
    const request = message.kind === RECORD.REQUEST;
    const opcode = request ? view.getUint32(4, true) : 0;
    if (opcode === 14) opens.add(view.getBigUint64(8, true));
    const at = request ? 40 : 16;
    const opened = message.kind === RECORD.ANSWER && bytes.length === 32 && opens.has(view.getBigUint64(8, true));
    if (opened) view.setUint32(at + 8, 1, true);
    if (opened || [15, 16, 18, 39, 40].includes(opcode)) {
      const file = view.getBigUint64(at, true);
      view.setBigUint64(at, file === 1n ? 2n : file === 2n ? 1n : file, true);
    }
    yield { ...message, bytes };
  }
}

function pipe(change: (byte: number) => number = (byte) => byte) {
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
      held = Uint8Array.from([...held, ...data.map(change)]);
      device.readable();
      return data.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | POLL.OUT,
  });
  return device;
}

/** Blocked readers, an interrupt, poll wake-ups, EAGAIN, a stale handle, and a reader that the end of the daemon frees. */
async function usePipe(device: AnyDevice): Promise<Uint8Array> {
  const { kernel, recording, close } = await looked(device);
  const first = await kernel.openFile();
  const second = await kernel.openFile(2 | 0o4000);
  expect(await errno(second.read(5))).toBe("EAGAIN");
  const waiting = [first.read(2), first.read(3)];
  await second.poll(() => undefined);
  await second.write(bytes("hello"));
  await Promise.all(waiting);
  await second.write(bytes("a tail that is longer than what a trace line shows of it"));
  await first.read(100);
  const interrupt = new AbortController();
  const interrupted = errno(first.read(1, { signal: interrupt.signal }));
  interrupt.abort();
  expect(await interrupted).toBe("EINTR");
  await second.close();
  expect(await errno(second.read(1))).toBe("EBADF");
  const freed = first.read(10);
  await close();
  expect(await freed).toHaveLength(0);
  return recording();
}

test("the same driver: no difference", async () => {
  const recording = await usePipe(pipe());
  expect(await replayed(pipe(), recording)).toEqual({
    lines: [],
    requests: 14,
    compared: 14,
    differences: 0,
    skipped: 0,
  });
});

test("a changed driver: the lines of what differs, and where what they show is the same, from which byte on", async () => {
  const recording = await usePipe(pipe());
  const upper = pipe((byte) => (byte === 0x6c || byte === 0x77 ? byte - 32 : byte));
  const { lines, differences } = await replayed(upper, recording);
  expect(lines).toEqual([
    "@@ request 5, recorded 0.000000 s after the start @@",
    '-4242  pipe: read(2, 3) = "llo" 3',
    '+4242  pipe: read(2, 3) = "LLo" 3',
    "@@ request 9, recorded 0.000000 s after the start @@",
    '-4242  pipe: read(2, 100) = "a tail that is longer than what "... 56',
    '+4242  pipe: read(2, 100) = "a taiL that is Longer than What "... 56',
  ]);
  expect(differences).toBe(2);
});

test("differences behind what a line shows are told by their place", async () => {
  const recording = await usePipe(pipe());
  let count = 0;
  const { lines } = await replayed(
    pipe((byte) => (++count === 5 + 50 ? byte + 1 : byte)),
    recording,
  );
  expect(lines.slice(1)).toEqual([
    '-4242  pipe: read(2, 100) = "a tail that is longer than what "... 56',
    '+4242  pipe: read(2, 100) = "a tail that is longer than what "... 56',
    " (the data differ from byte 49 of the answer on)",
  ]);
});

test("a driver that does not answer any more, and says no poll wake-up", async () => {
  const recording = await usePipe(pipe());
  const silentPipe = defineDevice({
    name: "pipe",
    read: () => wouldBlock,
    write: ({ data }) => data.length,
    poll: () => POLL.OUT,
  });
  const { lines } = await replayed(silentPipe, recording);
  expect(lines).toContain(`+no answer within ${PATIENCE_MS} ms`);
  expect(lines).toContain("--  pipe: poll wake-up of 1");
  expect(lines).toContain("+no poll wake-up");
});

test("a file that is not opened any more: what was done with it is left out", async () => {
  const recording = await usePipe(pipe());
  const closed = defineDevice({
    name: "pipe",
    open: () => {
      throw new DeviceError("EBUSY");
    },
  });
  const { lines, requests, skipped } = await replayed(closed, recording);
  expect(lines.slice(0, 3)).toEqual([
    "@@ request 1, recorded 0.000000 s after the start @@",
    "-4242  pipe: open(O_RDWR) = 2",
    "+4242  pipe: open(O_RDWR) = -1 EBUSY",
  ]);
  expect([requests, skipped]).toEqual([3, 11]);
});

test("a recording of another device is refused", async () => {
  const recording = await usePipe(pipe());
  const messages = readRecording([recording], () => undefined);
  const other = defineDevice({ name: "other" });
  const running = replayRecording([other], messages, { clock: new FakeClock(), log: silent, write: () => undefined });
  await expect(running).rejects.toThrow("the recording is of pipe; this program serves other");
});

const Value = struct({ value: u32 });

/** Async in everything, and with a write that does not heed its signal. */
function slow(factor: number) {
  const wait = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new DeviceError("EINTR")));
      setImmediate(resolve);
    });
  return defineDevice({
    name: "slow",
    open: async () => ({ value: 0 }),
    commands: { SET: iow("S", 1, Value), SCALE: iowr("S", 2, Value) },
    ioctl: {
      async SET({ state, arg, signal }) {
        await wait(signal);
        state.value = arg.value;
      },
      async SCALE({ state, arg, signal }) {
        await wait(signal);
        arg.value *= state.value * factor;
        return 3;
      },
    },
    async read({ state, signal }) {
      await wait(signal);
      return bytes(String(state.value));
    },
    write: () => new Promise<number>(() => undefined),
  });
}

test("async handlers and ioctls in rounds: answers that others depend on are waited for", async () => {
  const { kernel, clock, recording, close } = await looked(slow(10));
  const { memory } = kernel;
  const file = await kernel.openFile();
  await file.ioctl(0x4004_5301, memory.map(encode(Value, "lp64", { value: 7 })));
  const area = encode(Value, "lp64", { value: 2 });
  expect(await file.ioctl(0xc004_5302, memory.map(area))).toBe(3);
  expect([...area]).toEqual([140, 0, 0, 0]);
  clock.advance(1000);
  const interrupt = new AbortController();
  const interrupted = errno(file.read(9, { signal: interrupt.signal }));
  interrupt.abort();
  expect(await interrupted).toBe("EINTR");
  await file.read(9);
  const stuck = new AbortController();
  const late = errno(file.write(bytes("x"), { signal: stuck.signal }));
  stuck.abort();
  clock.advance(1000);
  expect(await late).toBe("EINTR");
  await close();

  // The write took a second, and may do so again.
  expect(await replayed(slow(10), recording(), { patienceMs: 900 })).toMatchObject({
    lines: [],
    differences: 0,
    requests: 10,
  });
  const { lines } = await replayed(slow(11), recording());
  expect(lines).toEqual([
    "@@ request 5, recorded 0.000000 s after the start @@",
    "-4242  slow: ioctl(2, SCALE, {value=2}) = {value=140} 3",
    "+4242  slow: ioctl(2, SCALE, {value=2}) = {value=154} 3",
  ]);
});

test("paced, a driver that goes by the time finds the times of the recording", async () => {
  const timed = (clock: FakeClock) => defineDevice({ name: "timed", read: () => bytes(String(clock.now() >= 300)) });
  let now = new FakeClock();
  const { kernel, clock, recording } = await looked(
    defineDevice({ name: "timed", read: () => bytes(String(now.now() >= 300)) }),
  );
  now = clock;
  const file = await kernel.openFile();
  await file.read(9);
  clock.advance(300);
  await file.read(9);
  for (const [paced, differences] of [
    [true, 0],
    [false, 1],
  ] as const) {
    const clock = new FakeClock();
    expect(await replayed(timed(clock), recording(), { paced, clock })).toMatchObject({ differences });
  }
});

test("no damage of a recording does more than be refused, or make differences", async () => {
  const whole = await usePipe(pipe());
  const start = whole.indexOf(0x0a) + 1;
  const change = fc.noBias(fc.tuple(fc.integer({ min: start, max: whole.length - 1 }), fc.nat(255)));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
      const copy = whole.slice();
      for (const [at, value] of changes) copy[at] = value;
      const outcome = await replayed(pipe(), copy, { hurries: true }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ name: "UsageError" });
      else expect(outcome).toHaveProperty("differences");
    }),
    { numRuns: 300 },
  );
});

test("an answer that took a year by a damaged time is not waited for in the first millisecond", async () => {
  const year = 365 * 86_400_000;
  const device = defineDevice({ name: "never", read: () => wouldBlock });
  const clock = new FakeClock();
  const limits: number[] = [];
  const after = clock.after.bind(clock);
  clock.after = (ms, fn) => {
    limits.push(ms);
    return after(ms, fn);
  };
  const messages = [...readRecording([await usePipe(pipe())], () => undefined)].map((message, at) => ({
    ...message,
    name: "never",
    time: message.time + at * year * 1000,
  }));
  const running = replayRecording([device], messages, { clock, log: silent, write: () => undefined });
  let ended = false;
  void running.finally(() => {
    ended = true;
  });
  for (let step = 100; !ended; step *= 2) {
    await settled();
    clock.advance(step);
  }
  expect(await running).toHaveProperty("differences");
  // What setTimeout() takes; it makes 1 ms of more.
  expect(Math.max(...limits)).toBe(2 ** 31 - 1);
});

test("a wake-up that is cut off is damage", async () => {
  const message = new Uint8Array(16);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setInt32(4, 1, true); // FUSE_NOTIFY_POLL
  const wake: Recorded = { kind: RECORD.ANSWER, device: 0, time: 0, bytes: message, name: "silent" };
  const options = { clock: new FakeClock(), log: silent, write: () => undefined };
  const running = replayRecording([defineDevice({ name: "silent" })], [wake], options);
  await expect(running).rejects.toMatchObject({ name: "UsageError", message: expect.stringContaining("cut off") });
});
