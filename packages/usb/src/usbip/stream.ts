// Cuts a TCP stream into the messages of a protocol. A parser is a generator: it yields how many bytes it wants next
// and gets exactly those. Memory is bounded by what the parser asks for, which it has validated.
// Lifetime: one connection.

/** Yields byte counts of at least 1, is resumed with that many bytes (valid until the next yield); may throw. */
export type StreamParser<T = void> = Generator<number, T, Buffer>;

export class StreamReader<T = void> {
  readonly #parser: StreamParser<T>;
  #chunks: Buffer[] = [];
  #available = 0;
  #wanted: number | undefined;

  constructor(parser: StreamParser<T>) {
    this.#parser = parser;
    this.#step(parser.next());
  }

  /** False when the parser has returned: it wants no more. */
  get open(): boolean {
    return this.#wanted !== undefined;
  }

  /** @throws what the parser throws; the reader is closed then */
  push(chunk: Buffer): void {
    // Nobody reads what comes behind the end.
    if (!this.open) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
    while (this.#wanted !== undefined && this.#available >= this.#wanted) {
      const bytes = this.#take(this.#wanted);
      this.#wanted = undefined;
      this.#step(this.#parser.next(bytes));
    }
  }

  #step(result: IteratorResult<number, T>): void {
    this.#wanted = result.done === true ? undefined : result.value;
    if (result.done === true) this.#chunks = [];
  }

  #take(length: number): Buffer {
    const [first] = this.#chunks;
    this.#available -= length;
    if (first !== undefined && first.length > length) {
      this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    if (first !== undefined && first.length === length) {
      this.#chunks.shift();
      return first;
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length > length ? [all.subarray(length)] : [];
    return all.subarray(0, length);
  }
}
