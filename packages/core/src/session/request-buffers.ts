// Where requests are read into. A write that has to wait keeps its bytes, so the next request goes elsewhere: into a
// buffer that is free again, or a new one.

import type { Call } from "./call.ts";
import { KeptBytes } from "./kept-bytes.ts";

/** Free buffers kept for reuse. */
const SPARE_BUFFERS = 4;

export class RequestBuffers<V> {
  readonly #size: number;
  readonly #make: (size: number) => V;
  readonly #spare: V[] = [];
  readonly #kept = new KeptBytes();

  /** @param size bytes of the largest request @param make a view of so many new bytes */
  constructor(size: number, make: (size: number) => V) {
    this.#size = size;
    this.#make = make;
  }

  /** A buffer for the next request. */
  take(): V {
    return this.#spare.pop() ?? this.#make(this.#size);
  }

  /** This user's writes may keep nothing more. */
  isFull(uid: number): boolean {
    return this.#kept.isFull(uid);
  }

  /** Keeps the bytes of a write that waits, until its giveBuffer(). @returns where the next request goes */
  keep(call: Call, view: V): V {
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
