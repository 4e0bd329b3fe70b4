// What a served device has done: plain numbers, added up at each request and read when somebody asks. A request allocates
// nothing here.
// Lifetime: as long as the device is served.

import { ERRNO } from "../errno.ts";
import type { Call, CallKind } from "./call.ts";

const KINDS = ["read", "write", "ioctl", "poll", "open", "release", "seek", "flush", "fsync", "recover"] as const;
const INDEX: Readonly<Record<CallKind, number>> = {
  read: 0,
  write: 1,
  ioctl: 2,
  poll: 3,
  open: 4,
  release: 5,
  seek: 6,
  flush: 7,
  fsync: 8,
  recover: 9,
};

/** Upper bounds of the histogram's buckets, in seconds; one more bucket has no bound. */
export const LATENCY_BOUNDS: readonly number[] = [
  1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60,
];

const ERRORS = KINDS.length;
const READ_BYTES = ERRORS + 1;
const WRITTEN_BYTES = READ_BYTES + 1;
const SECONDS = WRITTEN_BYTES + 1;
const BUCKETS = SECONDS + 1;
const SIZE = BUCKETS + LATENCY_BOUNDS.length + 1;

/**
 * Of the calls that are answered at once, one in so many is timed, and counts for all: to look at the clock twice takes
 * longer than all else that is done here. A prime, so that no program's rhythm hides a kind of call.
 */
const TIMED = 17;

/** What a device has done since it is served. */
export interface Counts {
  /** Calls of programs that were answered, by kind; those that never came are left out. */
  readonly calls: Readonly<Partial<Record<CallKind, number>>>;
  /** Of them, those that got an errno other than EAGAIN and EINTR. */
  readonly errors: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** From the request to its answer. Every call that waited is in it; of the others one in 17, counted 17 times. */
  readonly latency: {
    /** Calls within each of LATENCY_BOUNDS and above the one before it, and last those above all. */
    readonly buckets: readonly number[];
    /** Of all together. */
    readonly seconds: number;
  };
}

export class Counters {
  readonly #numbers = new Float64Array(SIZE);
  #untilTimed = 1;

  /** A call is settled. */
  settled(call: Call): void {
    this.#add(INDEX[call.kind], 1);
    if (call.errno !== 0) {
      if (call.errno !== ERRNO.EAGAIN && call.errno !== ERRNO.EINTR) this.#add(ERRORS, 1);
    } else if (call.kind === "read") {
      this.#add(READ_BYTES, call.count);
      call.file.readBytes += call.count;
    } else if (call.kind === "write") {
      this.#add(WRITTEN_BYTES, call.count);
      call.file.writtenBytes += call.count;
    }
    if (call.hasWaited) this.#took(call.waitedMs / 1000, 1);
  }

  /** A poll(2) is answered. */
  polled(): void {
    this.#add(INDEX.poll, 1);
  }

  /** A call got an errno before the driver was asked. */
  refused(kind: CallKind): void {
    this.#add(INDEX[kind], 1);
    this.#add(ERRORS, 1);
  }

  /** Whether the call that begins is to be timed. */
  times(): boolean {
    if (--this.#untilTimed > 0) return false;
    this.#untilTimed = TIMED;
    return true;
  }

  /** A call that times() had chosen was answered at once. */
  timed(ms: number): void {
    this.#took(ms / 1000, TIMED);
  }

  counts(): Counts {
    const numbers = [...this.#numbers];
    const at = (index: number) => numbers[index] ?? 0;
    return {
      calls: Object.fromEntries(KINDS.map((kind, index) => [kind, at(index)]).filter(([, count]) => count !== 0)),
      errors: at(ERRORS),
      readBytes: at(READ_BYTES),
      writtenBytes: at(WRITTEN_BYTES),
      latency: { buckets: numbers.slice(BUCKETS), seconds: at(SECONDS) },
    };
  }

  #took(seconds: number, weight: number): void {
    let bucket = 0;
    while (bucket < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[bucket] ?? 0)) bucket++;
    this.#add(BUCKETS + bucket, weight);
    this.#add(SECONDS, seconds * weight);
  }

  #add(index: number, value: number): void {
    this.#numbers[index] = (this.#numbers[index] ?? 0) + value;
  }
}
