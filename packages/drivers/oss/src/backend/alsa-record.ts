// A stream that records, from arecord's standard output. Lifetime: one process.

import type { AlsaProcess, Run } from "./alsa.ts";
import { BackendError, type RecordEvents, type RecordStream } from "./backend.ts";

export class AlsaRecordStream implements RecordStream {
  readonly #process: AlsaProcess;
  readonly #events: RecordEvents;
  readonly #frame: number;
  /** The beginning of a frame. */
  #begun: Uint8Array = new Uint8Array(0);
  #closed = false;

  constructor(run: Run, frame: number, events: RecordEvents) {
    this.#events = events;
    this.#frame = frame;
    this.#process = run("ignore", "pipe");
    this.#process.child.stdout?.on("data", (bytes: Buffer) => this.#take(bytes));
    void this.#process.ended.then((error) => {
      if (this.#closed) return;
      this.#closed = true;
      events.failed(error ?? new BackendError("arecord has ended"));
    });
  }

  /** Levels are a server's to apply, and there is none. */
  setVolume(): void {}

  close(): void {
    this.#closed = true;
    this.#process.child.kill("SIGKILL");
  }

  #take(bytes: Buffer): void {
    if (this.#closed) return;
    const all = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const whole = all.length - (all.length % this.#frame);
    this.#begun = all.subarray(whole);
    if (whole > 0) this.#events.data(all.subarray(0, whole));
  }
}
