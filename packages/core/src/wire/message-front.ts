// The front of a message to the kernel, which begins with its length, used again for the next, so that a fast answer
// allocates nothing. What comes behind it is copied to it when that is short.

/** A tail of at most so many bytes is copied behind its front: one stretch costs the kernel less than two. */
export const SHORT_TAIL = 1024;
/** So few bytes are copied sooner one by one than by a call of set(). */
const TINY_TAIL = 16;

export class MessageFront {
  readonly memory: Uint8Array;
  protected readonly view: DataView;
  /** The same, in words of the machine's own order, for what each answer has. */
  protected readonly words: Uint32Array;
  /** The memory cut to each length that has occurred, as the one part of a message: a fast answer allocates nothing. */
  readonly #cut: ([Uint8Array] | undefined)[];

  /** @param memory where each message begins, aligned to 4: room for the largest front and a short tail */
  constructor(memory: Uint8Array) {
    this.memory = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.words = new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength >>> 2);
    this.#cut = new Array(memory.byteLength + 1).fill(undefined);
  }

  /** The message's first `size` bytes, as its one part. */
  protected whole(size: number): [Uint8Array] {
    let parts = this.#cut[size];
    if (parts === undefined) {
      parts = [this.memory.subarray(0, size)];
      this.#cut[size] = parts;
    }
    return parts;
  }

  /** A message of a front of `size` bytes and what comes after it: in one part when that is short. */
  protected message(size: number, tail: Uint8Array, tailSize: number): readonly Uint8Array[] {
    this.words[0] = size + tailSize;
    if (tailSize > SHORT_TAIL) return [this.whole(size)[0], tail];
    if (tailSize <= TINY_TAIL) for (let at = 0; at < tailSize; at++) this.memory[size + at] = tail[at] ?? 0;
    else this.memory.set(tail, size);
    return this.whole(size + tailSize);
  }
}
