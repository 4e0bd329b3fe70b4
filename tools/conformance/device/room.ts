// A room: one stream of bytes with its settings, and what its files have seen. It lives from the first file that names
// it to the release of the last.

import { DeviceError, ERRNO, type ErrnoName, errnoName, POLL, processOf, type WaitingCall } from "@devlift/core";
import { ACTION, KNOB } from "./protocol.ts";

export const COUNTERS = [
  "opens",
  "releases",
  "reads",
  "writes",
  "acts",
  "polls",
  "aborts",
  "blocked",
  "held",
  "files",
] as const;
export type Counter = (typeof COUNTERS)[number];

/** What the last call looked like to the daemon. */
interface Seen {
  openFlags: number;
  nonBlocking: number;
  pid: number;
  uid: number;
  gid: number;
  length: number;
  tgid: number;
  name: string;
}

/** A file's view of its room: what open() gives. */
export interface Member {
  room: Room;
}

export class Room {
  readonly number: number;
  readonly members = new Set<Member>();
  readonly counts: Record<Counter, number> = {
    opens: 0,
    releases: 0,
    reads: 0,
    writes: 0,
    acts: 0,
    polls: 0,
    aborts: 0,
    blocked: 0,
    held: 0,
    files: 0,
  };
  readonly seen: Seen = { openFlags: 0, nonBlocking: 0, pid: 0, uid: 0, gid: 0, length: 0, tgid: 0, name: "" };
  #settings = new Map<number, number>([
    [KNOB.CAPACITY, 65536],
    [KNOB.WAKES, 1],
  ]);
  #held: Uint8Array[] = [];
  #waiting: { counter: Counter; least: number; resolve: () => void }[] = [];
  #finishing: (() => void)[] = [];

  constructor(number: number) {
    this.number = number;
  }

  setting(knob: number): number {
    return this.#settings.get(knob) ?? 0;
  }

  set(knob: number, value: number): void {
    this.#settings.set(knob, value);
  }

  count(counter: Counter, by = 1): void {
    this.counts[counter] += by;
    const due = this.#waiting.filter((one) => this.counts[one.counter] >= one.least);
    this.#waiting = this.#waiting.filter((one) => !due.includes(one));
    for (const { resolve } of due) resolve();
  }

  /** Resolves when a counter has come to `least`. Rejects when the waiting caller gets a signal. */
  reached(counter: Counter, least: number, signal: AbortSignal): Promise<void> {
    if (this.counts[counter] >= least) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const one = { counter, least, resolve };
      this.#waiting.push(one);
      signal.addEventListener("abort", () => {
        this.#waiting = this.#waiting.filter((other) => other !== one);
        reject(new DeviceError("EINTR"));
      });
    });
  }

  note(call: Pick<WaitingCall<unknown>, "caller" | "nonBlocking">, length: number): void {
    const { pid, uid, gid } = call.caller;
    Object.assign(this.seen, { pid, uid, gid, length, nonBlocking: call.nonBlocking ? 1 : 0 });
  }

  /** Reads who the last caller is: a file of /proc, so only when asked. */
  identify(): void {
    const found = processOf({ pid: this.seen.pid });
    this.seen.tgid = found?.pid ?? 0;
    this.seen.name = found?.name ?? "";
  }

  get held(): number {
    return this.counts.held;
  }

  get free(): number {
    return Math.max(0, this.setting(KNOB.CAPACITY) - this.held);
  }

  push(bytes: Uint8Array): void {
    this.#held.push(bytes.slice());
    this.count("held", bytes.length);
  }

  pull(length: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let missing = Math.min(length, this.held);
    this.counts.held -= missing;
    while (missing > 0) {
      const first = this.#held.shift() ?? new Uint8Array(0);
      if (first.length > missing) this.#held.unshift(first.subarray(missing));
      parts.push(first.subarray(0, missing));
      missing -= Math.min(first.length, missing);
    }
    return parts.length === 1 ? (parts[0] ?? new Uint8Array(0)) : Buffer.concat(parts);
  }

  get ready(): number {
    const bits = this.setting(KNOB.POLL);
    if (bits !== 0) return bits;
    const readable = this.held > 0 || this.setting(KNOB.EOF) !== 0;
    const urgent = this.setting(KNOB.PRI) !== 0;
    return (readable ? POLL.IN : 0) | (this.free > 0 ? POLL.OUT : 0) | (urgent ? POLL.PRI : 0);
  }

  finish(): void {
    for (const resolve of this.#finishing.splice(0)) resolve();
  }

  /** Does what a knob says, and then `act`. */
  perform<T>(knob: number, call: Pick<WaitingCall<unknown>, "signal">, act: () => T): T | Promise<T> {
    const setting = this.setting(knob);
    return this.performAs(setting & 0xff, setting >>> 8, { signal: call.signal, act });
  }

  performAs<T>(action: number, value: number, { signal, act }: { signal: AbortSignal; act: () => T }): T | Promise<T> {
    switch (action) {
      case ACTION.ERRNO:
        throw new DeviceError(errnoOf(value), "as the client asked");
      case ACTION.THROW:
        throw new RangeError("as the client asked");
      case ACTION.REJECT:
        return Promise.reject(new RangeError("as the client asked, later"));
      case ACTION.NEVER:
        this.count("blocked");
        return this.#aborted(signal).then(() => {
          throw new DeviceError("EINTR");
        });
      case ACTION.ABORT_ERRNO:
        this.count("blocked");
        return this.#aborted(signal).then(() => {
          throw new DeviceError(errnoOf(value));
        });
      case ACTION.DEAF:
        void this.#aborted(signal);
        this.count("blocked");
        return new Promise<void>((resolve) => this.#finishing.push(resolve)).then(act);
      case ACTION.DELAY:
        return new Promise<void>((resolve) => setTimeout(resolve, value)).then(act);
      case ACTION.ASYNC:
        return Promise.resolve().then(act);
      default:
        return act();
    }
  }

  #aborted(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const abort = () => {
        this.count("aborts");
        resolve();
      };
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }
}

/** @throws DeviceError EINVAL for a number that is no errno */
export function errnoOf(number: number): ErrnoName {
  const name = errnoName(number);
  if (!isErrno(name)) throw new DeviceError("EINVAL", `${number} is no errno`);
  return name;
}

function isErrno(name: string): name is ErrnoName {
  return name in ERRNO;
}
