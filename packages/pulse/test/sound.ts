// What the tests beside a real server share: samples that can be found again, and who hears of a stream's events.

import type { PlaybackListener, PlaybackStream, RecordListener } from "../src/index.ts";

export const SPEC = { format: "s16le", channels: 2, rate: 48000 } as const;
export const FRAME = 4;
export const SECOND = SPEC.rate * FRAME;

/** For what no event tells of: asked again and again, up to a bound for what is stuck. */
export const POLL = { interval: 10, timeout: 30_000 };

/** `bytes` of s16le samples, none of them 0: silence is none of it. */
export function noise(bytes: number, seed = 1): Buffer {
  const samples = Buffer.alloc(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at += 2) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    samples.writeInt16LE((state >>> 17) - 16384 || 1, at);
  }
  return samples;
}

/** Whether nothing but silence is in `samples`. */
export const silent = (samples: Buffer): boolean => samples.every((byte) => byte === 0);

/** What happened to a stream or a client, in order, and somebody who waits for it. */
export class Log implements PlaybackListener, RecordListener {
  readonly events: string[] = [];
  readonly #waiting = new Set<() => void>();

  readonly writable = (): void => this.add("writable");
  readonly readable = (): void => this.add("readable");
  readonly started = (): void => this.add("started");
  readonly underflow = (): void => this.add("underflow");
  readonly overflow = (): void => this.add("overflow");
  readonly suspended = (): void => this.add("suspended");
  readonly moved = (): void => this.add("moved");
  readonly ended = ({ code }: { readonly code: string }): void => this.add(`ended: ${code}`);

  add(event: string): void {
    this.events.push(event);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves when something happens. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Resolves when `event` has happened, `times` times in all. */
  async until(event: string, times = 1): Promise<void> {
    while (this.count(event) < times) await this.next();
  }

  count(event: string): number {
    return this.events.filter((happened) => happened === event).length;
  }
}

/** Writes all of `samples`, as the server takes them. */
export async function writeAll(stream: PlaybackStream, log: Log, samples: Buffer): Promise<void> {
  for (let at = 0; at < samples.length; ) {
    at += stream.write(samples.subarray(at));
    if (at < samples.length) await log.next();
  }
}
