// When a stream's timing reports are asked for: at once and often after something happened, then rarely, and not at all
// while nothing moves. Lifetime: a stream's.

/** The first report after something happened comes this soon, the next after twice the time, and so on. Milliseconds. */
const FIRST_MS = 10;
/**
 * In between time goes by at the device's pace, which differs from the machine's by less than 0.1 ms a second. That a
 * server hangs is noticed so much later, too, and a command's time limit.
 */
const LAST_MS = 500;

export class Reports {
  readonly #ask: () => Promise<void>;
  readonly #moving: () => boolean;
  #asking: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  #interval = FIRST_MS;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /**
   * @param ask asks for one report; rejects when there is none to be had
   * @param moving whether a later report could say anything new
   */
  constructor(ask: () => Promise<void>, moving: () => boolean) {
    this.#ask = ask;
    this.#moving = moving;
  }

  /** Resolves when a report that was asked for after this call is in. At most one is under way, and one behind it. */
  now(): Promise<void> {
    if (this.#asking === undefined) {
      this.#asking = this.#ask().finally(() => {
        this.#asking = undefined;
      });
      return this.#asking;
    }
    const next = () => {
      this.#again = undefined;
      return this.now();
    };
    this.#again ??= this.#asking.then(next, next);
    return this.#again;
  }

  /** Something happened. */
  often(): void {
    this.#interval = FIRST_MS;
    this.#askAndPlan();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #askAndPlan(): void {
    if (this.#stopped) return;
    // A server that does not answer is the connection's to report; the next report is asked for all the same.
    this.now().then(
      () => this.#plan(),
      () => this.#plan(),
    );
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#stopped || !this.#moving()) return;
    this.#timer = setTimeout(() => this.#askAndPlan(), this.#interval);
    this.#interval = Math.min(this.#interval * 2, LAST_MS);
  }
}
