// Where requests are read into. A write that has to wait keeps its bytes, so the next request goes elsewhere: into a
// buffer that is free again, or a new one.

import { RequestView } from "../wire/request.ts";
import type { Call } from "./call.ts";
import { KeptBytes } from "./kept-bytes.ts";

/** Free buffers kept for reuse. */
const SPARE_BUFFERS = 4;

export class RequestBuffers {
  readonly #size: number;
  readonly #allocate: (size: number) => Uint8Array;
  readonly #spare: RequestView[] = [];
  readonly #kept = new KeptBytes();

  /** @param size bytes of the largest request */
  constructor(size: number, allocate: (size: number) => Uint8Array) {
    this.#size = size;
    this.#allocate = allocate;
  }

  /** A buffer for the next request. */
  take(): RequestView {
    return this.#spare.pop() ?? new RequestView(this.#allocate(this.#size));
  }

  /** This user's writes may keep nothing more. */
  isFull(uid: number): boolean {
    return this.#kept.isFull(uid);
  }

  /** Keeps the bytes of a write that waits, until its giveBuffer(). @returns where the next request goes */
  keep(call: Call, view: RequestView): RequestView {
    const { uid } = call.caller;
    if (call.parked) {
      // Nobody but us holds it now, and it can be much smaller than a buffer.
      call.data = call.data.slice();
      call.giveBuffer = this.#kept.keep(uid, call.data.length);
      return view;
    }
    const giveBack = this.#kept.keep(uid, this.#size);
    call.giveBuffer = () => {
      giveBack();
      if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(view);
    };
    return this.take();
  }
}
