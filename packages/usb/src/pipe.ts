// One endpoint of an open device: what is in flight on it, and its recovery after a stall.
// Lifetime: from the endpoint's first transfer until the transport closes.
//
// A stall halts the endpoint: what was queued behind it must not run as if nothing had happened, or a stream would
// have a hole. So a stall fails everything that was queued by then, clears the halt, and only then tells the callers:
// whoever retries starts afresh.

import { UsbError } from "./errors.ts";
import { failed, type SubmittedUrb, type Urb, type UrbDone, type UrbPort, type UrbResult } from "./urb.ts";

export class Pipe {
  readonly #port: UrbPort;
  readonly #endpoint: number;
  readonly #inFlight = new Set<SubmittedUrb>();
  /** While recovering from a stall: whom to tell once the halt is cleared. */
  #stalled: UrbDone[] | undefined;
  readonly #drained: (() => void)[] = [];
  readonly #recovered: (() => void)[] = [];

  constructor(port: UrbPort, endpoint: number) {
    this.#port = port;
    this.#endpoint = endpoint;
  }

  submit(urb: Urb, done: UrbDone): SubmittedUrb {
    if (this.#stalled !== undefined) {
      this.#stalled.push(done);
      return { cancel: () => {} };
    }
    const submitted = this.#port.submit(urb, (result) => {
      this.#inFlight.delete(submitted);
      this.#finished(result, done);
    });
    this.#inFlight.add(submitted);
    return submitted;
  }

  cancelAll(): void {
    for (const submitted of [...this.#inFlight]) submitted.cancel();
  }

  /** Resolves when nothing is in flight and no recovery is under way. */
  async idle(): Promise<void> {
    await this.#drain();
    if (this.#stalled !== undefined) await new Promise<void>((resolve) => this.#recovered.push(resolve));
  }

  #finished(result: UrbResult, done: UrbDone): void {
    const code = result.error?.code;
    // A stall of the control pipe is the answer to one request and halts nothing (USB 2.0, 8.5.3.4).
    if (code === "stall" && this.#endpoint !== 0) {
      if (this.#stalled === undefined) {
        this.#stalled = [done];
        void this.#recover(this.#stalled);
      } else this.#stalled.push(done);
    } else if (code === "cancelled" && this.#stalled !== undefined) this.#stalled.push(done);
    else done(result);

    if (this.#inFlight.size > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  async #recover(stalled: readonly UrbDone[]): Promise<void> {
    this.cancelAll();
    // The kernel wants an idle endpoint (usb_clear_halt).
    await this.#drain();
    let error = new UsbError("stall", `endpoint 0x${this.#endpoint.toString(16).padStart(2, "0")} answered with STALL`);
    try {
      await this.#port.clearHalt(this.#endpoint);
    } catch (cause) {
      // Still a stall for the callers, unless it was the unplug that made it fail; the next transfer will tell.
      error = cause instanceof UsbError && cause.code === "gone" ? cause : error;
    }
    this.#stalled = undefined;
    for (const done of stalled) done(failed(error));
    for (const resolve of this.#recovered.splice(0)) resolve();
  }

  async #drain(): Promise<void> {
    while (this.#inFlight.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }
}
