// The modem lines of an open line: TIOCMGET and its like, waiting for a change, counting changes, carrier. Lives as
// long as the line is open; exists only where the line has `modem`.

import { TIOCM } from "./commands.ts";
import { Deferred, interruptible } from "./interruptible.ts";
import type { ModemLines } from "./line.ts";

/** Lines that a program may set (tty_tiocmset()). */
const OUTPUTS = TIOCM.TIOCM_DTR | TIOCM.TIOCM_RTS | TIOCM.TIOCM_OUT1 | TIOCM.TIOCM_OUT2 | TIOCM.TIOCM_LOOP;

/** Changes since the line was opened. Of RNG only the end counts, as in a UART's TERI. */
export interface ModemCounts {
  readonly cts: number;
  readonly dsr: number;
  readonly dcd: number;
  readonly rng: number;
}

export class Modem {
  readonly #lines: ModemLines;
  readonly #onCarrierLost: () => void;
  #last = 0;
  #counts: ModemCounts = { cts: 0, dsr: 0, dcd: 0, rng: 0 };
  #changed = new Deferred();

  constructor(lines: ModemLines, onCarrierLost: () => void) {
    this.#lines = lines;
    this.#onCarrierLost = onCarrierLost;
  }

  get counts(): ModemCounts {
    return this.#counts;
  }

  /** TIOCM_* bits. */
  async get(): Promise<number> {
    return await this.#lines.get();
  }

  async update(set: number, clear: number): Promise<void> {
    await this.#lines.update(set & OUTPUTS, clear & OUTPUTS);
  }

  /** Learns how the lines are, at the open. */
  async start(): Promise<void> {
    this.#last = await this.get();
  }

  /** The line says that something changed. */
  async refresh(): Promise<void> {
    const now = await this.get();
    const before = this.#last;
    this.#last = now;
    const flipped = (bit: number) => ((before ^ now) & bit) !== 0;
    const fell = (bit: number) => (before & ~now & bit) !== 0;
    const { cts, dsr, dcd, rng } = this.#counts;
    this.#counts = {
      cts: cts + Number(flipped(TIOCM.TIOCM_CTS)),
      dsr: dsr + Number(flipped(TIOCM.TIOCM_DSR)),
      dcd: dcd + Number(flipped(TIOCM.TIOCM_CAR)),
      rng: rng + Number(fell(TIOCM.TIOCM_RNG)),
    };
    const changed = this.#changed;
    this.#changed = new Deferred();
    changed.resolve();
    if (fell(TIOCM.TIOCM_CAR)) this.#onCarrierLost();
  }

  /** Waits until one of the lines in `mask` has changed (TIOCMIWAIT). @throws DeviceError("EINTR") */
  async changeOf(mask: number, signal: AbortSignal): Promise<void> {
    const before = this.#counts;
    const has = (bit: number) => (mask & bit) !== 0;
    for (;;) {
      await interruptible(this.#changed.promise, signal);
      const now = this.#counts;
      if (has(TIOCM.TIOCM_CTS) && now.cts !== before.cts) return;
      if (has(TIOCM.TIOCM_DSR) && now.dsr !== before.dsr) return;
      if (has(TIOCM.TIOCM_CAR) && now.dcd !== before.dcd) return;
      if (has(TIOCM.TIOCM_RNG) && now.rng !== before.rng) return;
    }
  }

  /** Waits for a carrier. @throws DeviceError("EINTR") */
  async carrier(signal: AbortSignal): Promise<void> {
    for (;;) {
      // Taken first: a change while the lines are read counts.
      const { promise } = this.#changed;
      if (((await interruptible(this.get(), signal)) & TIOCM.TIOCM_CAR) !== 0) return;
      await interruptible(promise, signal);
    }
  }
}
