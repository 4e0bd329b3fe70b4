// What a driver said while one of its handlers ran, to be acted on when that handler's answer is out. Acting at once
// would run a second handler inside the first: a reader that frees room in its ring and then answers with a view of it
// would find the view overwritten by the writer that it has just woken.

import type { Clock } from "./clock.ts";

/** Changes acted on in one go; a driver that wakes its own callers for ever must not stop the event loop. */
const BATCH = 1000;

export class Changes {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  /** Handlers on the stack, or changes being acted on. */
  #busy = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something is to be done before the next request. */
  get any(): boolean {
    return this.#waiting.length > 0;
  }

  /** A handler runs, or a change is being acted on. */
  get isBusy(): boolean {
    return this.#busy > 0;
  }

  /** A handler begins; what is said until it has ended waits. Two calls, because a closure a request is not free. */
  begin(): void {
    this.#busy++;
  }

  end(): void {
    this.#busy--;
  }

  /** Does it now, or after the handler that runs. */
  do(change: () => void): void {
    this.#waiting.push(change);
    if (this.#busy === 0) this.settle();
  }

  /** Acts on what was said, and on what is said because of that. To be called when no answer is held back. */
  settle(): void {
    if (this.#busy > 0) return;
    this.#busy++;
    try {
      for (let done = 0; this.#waiting.length > 0; done++) {
        if (done === BATCH) {
          this.#clock.after(0, () => this.settle());
          return;
        }
        this.#waiting.shift()?.();
      }
    } finally {
      this.#busy--;
    }
  }
}
