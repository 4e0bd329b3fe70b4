// TrailerFilter: passes one stream of bytes on and stops at the trailer that ends it. A VM's port says nothing when
// the guest has written all, and bytes still on their way would be lost with QEMU; the trailer says it in-band.

/** One stream's filter; it lives as long as the stream. */
export class TrailerFilter {
  #held = Buffer.alloc(0);
  #complete = false;
  readonly #trailer: Buffer;

  /** @param trailer a sequence that the stream does not hold otherwise, e.g. of a random id */
  constructor(trailer: string) {
    this.#trailer = Buffer.from(trailer);
  }

  /** True once the trailer has been seen. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Takes the next bytes. @returns those that are known to lie before the trailer */
  push(chunk: Buffer): Buffer {
    if (this.#complete) return Buffer.alloc(0);
    const all = Buffer.concat([this.#held, chunk]);
    const at = all.indexOf(this.#trailer);
    this.#complete = at >= 0;
    const end = this.#complete ? at : all.length - this.#heldLength(all);
    this.#held = all.subarray(end);
    return all.subarray(0, end);
  }

  /** The bytes held back because a trailer could begin with them: what is left when the stream breaks off. */
  rest(): Buffer {
    return this.#complete ? Buffer.alloc(0) : this.#held;
  }

  /** How many bytes at the end of `all` are a beginning of the trailer. */
  #heldLength(all: Buffer): number {
    for (let length = Math.min(this.#trailer.length - 1, all.length); length > 0; length--) {
      if (all.subarray(all.length - length).equals(this.#trailer.subarray(0, length))) return length;
    }
    return 0;
  }
}
