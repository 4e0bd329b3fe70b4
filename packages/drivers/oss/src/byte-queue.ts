// Bytes between a program and a sound server, first in, first out. What is put in is not copied, unless it is little;
// what is taken out is a view where one piece has it all.

/** Bytes: pieces up to here are put together, so that a program that writes byte by byte costs no object for each. */
const SMALL = 4096;

export class ByteQueue {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param bytes the queue's from now on */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    let piece = bytes;
    // Only with what is no longer, so that no byte is copied more than a dozen times.
    for (
      let last = this.#pieces.at(-1);
      last !== undefined && last.length <= piece.length;
      last = this.#pieces.at(-1)
    ) {
      if (last.length + piece.length > SMALL) break;
      this.#pieces.pop();
      const whole = new Uint8Array(last.length + piece.length);
      whole.set(last);
      whole.set(piece, last.length);
      piece = whole;
    }
    this.#pieces.push(piece);
  }

  /** Takes so many bytes out, or all when there are fewer. */
  take(count: number): Uint8Array {
    const first = this.#pieces[0];
    if (first === undefined) return new Uint8Array(0);
    if (first.length > count) {
      this.#pieces[0] = first.subarray(count);
      this.#length -= count;
      return first.subarray(0, count);
    }
    if (first.length === count || this.#pieces.length === 1) {
      this.#pieces.shift();
      this.#length -= first.length;
      return first;
    }
    const taken = new Uint8Array(Math.min(count, this.#length));
    for (let at = 0; at < taken.length; ) {
      const piece = this.take(Math.min(taken.length - at, this.#pieces[0]?.length ?? 0));
      taken.set(piece, at);
      at += piece.length;
    }
    return taken;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#length = 0;
  }
}
