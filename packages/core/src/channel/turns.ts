// The order of a kernel's requests where kernel and session are one program: one that is made while a handler runs waits,
// as in Linux' queue, and is never handed over inside another.

export class Turns {
  readonly #due: (() => void)[] = [];
  #isRunning = false;

  /** Runs `act` when all that came before has returned: at once, unless this is called from one of them. */
  take(act: () => void): void {
    this.#due.push(act);
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#due.length > 0) this.#due.shift()?.();
    } finally {
      this.#isRunning = false;
    }
  }
}
