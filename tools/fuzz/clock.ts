// Time that only the fuzzer moves. Few timers wait at once, so a plain search for the next one will do.

import type { Clock } from "../../packages/core/src/session/clock.ts";

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

export class SteppedClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  readonly now = (): number => this.#now;

  /** At least 1 ms, as setTimeout(): else one that asks for 0 ms again and again would stop time. */
  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(1, ms), fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves on, running what falls due, earliest first. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.#timers.delete(due);
      this.#now = due.at;
      due.fn();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }
}
