// The bytes that a port has received and nobody has read: a ring as n_tty's (drivers/tty/n_tty.c, read_buf and
// read_flags). In canonical mode a line can be read once its end, a marked byte, is in; what follows is still being
// edited. Lives from the first open of a port to the last close.
// Positions count up for ever; a place in the ring is a position modulo its size.

import { DISABLED } from "./termios.ts";

/** N_TTY_BUF_SIZE. */
export const QUEUE_SIZE = 4096;
const MASK = QUEUE_SIZE - 1;
const NOTHING = new Uint8Array(0);

export class InputQueue {
  readonly #bytes = new Uint8Array(QUEUE_SIZE);
  /** 1 for a byte that ends a line. A marked DISABLED stands for an end of file and is never given out. */
  readonly #marks = new Uint8Array(QUEUE_SIZE);
  #tail = 0;
  #lineEnd = 0;
  #head = 0;

  /** Bytes in it, those of an unfinished line included. */
  get count(): number {
    return this.#head - this.#tail;
  }

  /** Bytes of finished lines, ends of file included. */
  get lineCount(): number {
    return this.#lineEnd - this.#tail;
  }

  /** Bytes of the line that is being edited. */
  get editing(): number {
    return this.#head - this.#lineEnd;
  }

  /** What FIONREAD says in canonical mode (inq_canon()). */
  get readableLineBytes(): number {
    let count = this.lineCount;
    for (let at = this.#tail; at < this.#lineEnd; at++) if (this.#isEndOfFile(at)) count--;
    return count;
  }

  push(byte: number): void {
    this.#bytes[this.#head++ & MASK] = byte;
  }

  /** push() of several. The caller has looked that they fit. */
  pushAll(bytes: Uint8Array): void {
    const start = this.#head & MASK;
    const first = bytes.subarray(0, QUEUE_SIZE - start);
    this.#bytes.set(first, start);
    this.#bytes.set(bytes.subarray(first.length), 0);
    this.#head += bytes.length;
  }

  /** push() of the byte that ends the line; DISABLED for an end of file. */
  endLine(byte: number): void {
    this.#marks[this.#head & MASK] = 1;
    this.push(byte);
    this.#lineEnd = this.#head;
  }

  /** A byte of the line that is being edited, counted from its end. */
  editedByte(fromEnd: number): number {
    return this.#bytes[(this.#head - fromEnd) & MASK] ?? 0;
  }

  /** Takes back the last `count` bytes. */
  erase(count: number): void {
    this.#head -= count;
  }

  clear(): void {
    this.#tail = this.#lineEnd = this.#head = 0;
    this.#marks.fill(0);
  }

  /**
   * ICANON was switched (n_tty_set_termios()). What is in the queue is one line to canonical readers, end or no end,
   * and mere bytes to others.
   */
  setCanonical(on: boolean): void {
    this.#marks.fill(0);
    this.#lineEnd = on ? this.#head : this.#tail;
    if (on && this.count > 0) this.#marks[(this.#head - 1) & MASK] = 1;
  }

  /** Up to `length` bytes, of whatever lines. Valid until the next push. */
  take(length: number): Uint8Array {
    return this.#remove(Math.min(length, this.count));
  }

  /** Up to `length` bytes of the first line, its end included; none for an end of file. There must be a line. Valid likewise. */
  takeLine(length: number): Uint8Array {
    const last = Math.min(this.#tail + length, this.#lineEnd);
    for (let at = this.#tail; at < last; at++) {
      if (this.#marks[at & MASK] === 0) continue;
      const endOfFile = this.#isEndOfFile(at);
      this.#marks[at & MASK] = 0;
      const line = this.#remove(at - this.#tail + (endOfFile ? 0 : 1));
      if (endOfFile) this.#tail++;
      return line;
    }
    const part = this.#remove(last - this.#tail);
    // A reader whose buffer ends just before an end of file has seen all of the line: no empty read after it.
    if (this.#tail < this.#lineEnd && this.#isEndOfFile(this.#tail)) this.#marks[this.#tail++ & MASK] = 0;
    return part;
  }

  #isEndOfFile(at: number): boolean {
    return this.#marks[at & MASK] === 1 && this.#bytes[at & MASK] === DISABLED;
  }

  #remove(count: number): Uint8Array {
    if (count === 0) return NOTHING;
    const start = this.#tail & MASK;
    this.#tail += count;
    const end = start + count;
    if (end <= QUEUE_SIZE) return this.#bytes.subarray(start, end);
    const taken = new Uint8Array(count);
    taken.set(this.#bytes.subarray(start));
    taken.set(this.#bytes.subarray(0, end - QUEUE_SIZE), QUEUE_SIZE - start);
    return taken;
  }
}
