// Reading ahead: several IN transfers of one endpoint in flight, their data handed over in order.
// Lifetime: from startReading() until stop() resolves or `ended` was called.

import type { UsbError } from "./errors.ts";
import type { Pipe } from "./pipe.ts";
import type { ReadingOptions, ReadingSink, UsbReading } from "./transport.ts";
import type { SubmittedUrb, Urb, UrbResult } from "./urb.ts";

/** Failed rounds in a row until an endpoint counts as failed for good. */
const MAX_FAILURES = 10;
/**
 * Pause after a bus error. At unplug the bus reports errors (EPROTO) for some 100 ms before the hub says what it is;
 * together with MAX_FAILURES this leaves it a second.
 */
const RETRY_MS = 100;

export class Reading implements UsbReading {
  readonly #pipe: Pipe;
  readonly #urb: Urb;
  readonly #options: ReadingOptions;
  readonly #sink: ReadingSink;
  readonly #inFlight = new Set<SubmittedUrb>();
  #paused = false;
  #failures = 0;
  /** Set by a failed transfer: nothing new until all others are back, and then the pause is over. */
  #failure: UsbError | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ended = false;
  #stopped = false;
  #stopping: Promise<void> | undefined;
  readonly #drained: (() => void)[] = [];

  constructor(pipe: Pipe, urb: Urb, options: ReadingOptions, sink: ReadingSink) {
    this.#pipe = pipe;
    this.#urb = urb;
    this.#options = options;
    this.#sink = sink;
    this.#fill();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#fill();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    for (const submitted of [...this.#inFlight]) submitted.cancel();
    while (this.#inFlight.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #fill(): void {
    while (
      !this.#paused &&
      !this.#ended &&
      !this.#stopped &&
      this.#failure === undefined &&
      this.#inFlight.size < this.#options.transfers
    ) {
      const submitted = this.#pipe.submit(this.#urb, (result) => {
        this.#inFlight.delete(submitted);
        this.#finished(result);
      });
      this.#inFlight.add(submitted);
    }
  }

  #finished(result: UrbResult): void {
    const error = result.error;
    if (error === undefined) this.#failures = 0;
    if (!this.#ended && (error === undefined || result.bytes.length > 0)) this.#sink.data(result.bytes);
    if (this.#inFlight.size === 0) for (const resolve of this.#drained.splice(0)) resolve();
    if (this.#stopped) return;
    if (error?.code === "gone" || error?.code === "cancelled") this.#end(error);
    else {
      if (error !== undefined) this.#failure ??= error;
      if (this.#failure === undefined) this.#fill();
      else if (this.#inFlight.size === 0) this.#retryAfter(this.#failure);
    }
  }

  #retryAfter(failure: UsbError): void {
    this.#failures++;
    if (this.#failures >= MAX_FAILURES) {
      this.#end(failure);
      return;
    }
    const again = () => {
      this.#failure = undefined;
      this.#fill();
    };
    // The pipe has cleared a stall's halt before it told us: no pause needed.
    this.#retry = setTimeout(again, failure.code === "stall" ? 0 : RETRY_MS);
  }

  #end(error: UsbError): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const submitted of [...this.#inFlight]) submitted.cancel();
    this.#sink.ended(error);
  }
}
