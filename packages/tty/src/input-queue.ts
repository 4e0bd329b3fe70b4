// The bytes that a port has received and nobody has read: a ring as n_tty's (drivers/tty/n_tty.c, read_buf and
// read_flags). In canonical mode a line can be read once its end, a marked byte, is in; what follows is still being
// edited. Lives from the first open of a port to the last close.
// The ring and its positions are the port's memory's, which may outlive this daemon; whoever calls what changes them
// commits the change.

import { fromRing, type PortMemory, toRing } from "./port-memory.ts";
import { DISABLED } from "./termios.ts";

const NOTHING = new Uint8Array(0);

export class InputQueue {
  readonly #bytes: Uint8Array;
  /** 1 for a byte that ends a line. A marked DISABLED stands for an end of file and is never given out. */
  readonly #marks: Uint8Array;
  readonly #at: Pick<PortMemory["at"], "tail" | "lineEnd" | "head">;
  /** A place of a position: the ring's size is a power of 2. */
  readonly #mask: number;

  constructor({ input, marks, at }: PortMemory) {
    this.#bytes = input;
    this.#marks = marks;
    this.#at = at;
    this.#mask = input.length - 1;
  }

  /** Bytes in it, those of an unfinished line included. */
  get count(): number {
    return this.#at.head - this.#at.tail;
  }

  /** Bytes of finished lines, ends of file included. */
  get lineCount(): number {
    return this.#at.lineEnd - this.#at.tail;
  }

  /** Bytes of the line that is being edited. */
  get editing(): number {
    return this.#at.head - this.#at.lineEnd;
  }

  /** What FIONREAD says in canonical mode (inq_canon()). */
  get readableLineBytes(): number {
    let count = this.lineCount;
    for (let at = this.#at.tail; at < this.#at.lineEnd; at++) if (this.#isEndOfFile(at)) count--;
    return count;
  }

  push(byte: number): void {
    this.#bytes[this.#at.head++ & this.#mask] = byte;
  }

  /** push() of several. The caller has looked that they fit. */
  pushAll(bytes: Uint8Array): void {
    toRing(this.#bytes, this.#at.head, bytes);
    this.#at.head += bytes.length;
  }

  /** push() of the byte that ends the line; DISABLED for an end of file. */
  endLine(byte: number): void {
    this.#marks[this.#at.head & this.#mask] = 1;
    this.push(byte);
    this.#at.lineEnd = this.#at.head;
  }

  /** A byte of the line that is being edited, counted from its end. */
  editedByte(fromEnd: number): number {
    return this.#bytes[(this.#at.head - fromEnd) & this.#mask] ?? 0;
  }

  /** Takes back the last `count` bytes. */
  erase(count: number): void {
    this.#at.head -= count;
  }

  clear(): void {
    this.#at.tail = this.#at.lineEnd = this.#at.head;
    this.#marks.fill(0);
  }

  /**
   * ICANON was switched (n_tty_set_termios()). What is in the queue is one line to canonical readers, end or no end,
   * and mere bytes to others.
   */
  setCanonical(on: boolean): void {
    this.#marks.fill(0);
    this.#at.lineEnd = on ? this.#at.head : this.#at.tail;
    if (on && this.count > 0) this.#marks[(this.#at.head - 1) & this.#mask] = 1;
  }

  /** Up to `length` bytes, of whatever lines. Valid until the next push. */
  take(length: number): Uint8Array {
    return this.#remove(Math.min(length, this.count));
  }

  /** Up to `length` bytes of the first line, its end included; none for an end of file. There must be a line. Valid likewise. */
  takeLine(length: number): Uint8Array {
    const last = Math.min(this.#at.tail + length, this.#at.lineEnd);
    for (let at = this.#at.tail; at < last; at++) {
      if (this.#marks[at & this.#mask] === 0) continue;
      const endOfFile = this.#isEndOfFile(at);
      this.#marks[at & this.#mask] = 0;
      const line = this.#remove(at - this.#at.tail + (endOfFile ? 0 : 1));
      if (endOfFile) this.#at.tail++;
      return line;
    }
    const part = this.#remove(last - this.#at.tail);
    // A reader whose buffer ends just before an end of file has seen all of the line: no empty read after it.
    if (this.#at.tail < this.#at.lineEnd && this.#isEndOfFile(this.#at.tail))
      this.#marks[this.#at.tail++ & this.#mask] = 0;
    return part;
  }

  #isEndOfFile(at: number): boolean {
    return this.#marks[at & this.#mask] === 1 && this.#bytes[at & this.#mask] === DISABLED;
  }

  #remove(count: number): Uint8Array {
    if (count === 0) return NOTHING;
    const bytes = fromRing(this.#bytes, this.#at.tail, count);
    this.#at.tail += count;
    return bytes;
  }
}
