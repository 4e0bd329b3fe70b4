// The seam between HotSync and what carries it: a serial port, a pty, a USB device's pipes, memory in a test.
// A ByteStream belongs to one reader and is closed once by whoever opened it.

export interface ByteStream {
  /** The next bytes, at least one; undefined when the other end is gone or after `close`. One call at a time. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes are handed on. Where transfers have bounds (USB), one call is one transfer. */
  write(data: Uint8Array): Promise<void>;
  /** Changes the line's speed, where there is a line. Bits a second. */
  setBaudRate?(baud: number): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Chunks in order, with one reader that may be ahead of them. */
export class ChunkQueue {
  readonly #chunks: Uint8Array[] = [];
  #reader: ((chunk: Uint8Array | undefined) => void) | undefined;
  #ended = false;

  push(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader) reader(chunk);
    else this.#chunks.push(chunk);
  }

  /** What is queued can still be read; after it comes undefined. */
  end(): void {
    this.#ended = true;
    this.#reader?.(undefined);
    this.#reader = undefined;
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk || this.#ended) return Promise.resolve(chunk);
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }
}

/** What happens to a written chunk on its way: nothing to deliver, one chunk, or several. */
export type Line = (chunk: Uint8Array) => readonly Uint8Array[];

const CLEAN_LINE: Line = (chunk) => [chunk.slice()];

/** Two connected streams in memory. `line` stands for a bad cable, the same in both directions. */
export function memoryStreams(line: Line = CLEAN_LINE): [ByteStream, ByteStream] {
  const toFirst = new ChunkQueue();
  const toSecond = new ChunkQueue();
  const close = (): Promise<void> => {
    toFirst.end();
    toSecond.end();
    return Promise.resolve();
  };
  const end = (from: ChunkQueue, to: ChunkQueue): ByteStream => ({
    read: () => from.read(),
    write: (data) => {
      for (const chunk of line(data)) to.push(chunk);
      return Promise.resolve();
    },
    setBaudRate: () => Promise.resolve(),
    close,
  });
  return [end(toFirst, toSecond), end(toSecond, toFirst)];
}

/** A stream of which some bytes were read already: they come first. */
export function withFirstBytes(stream: ByteStream, first: Uint8Array): ByteStream {
  let waiting: Uint8Array | undefined = first.length > 0 ? first : undefined;
  const setBaudRate = stream.setBaudRate?.bind(stream);
  return {
    read: () => {
      const chunk = waiting;
      waiting = undefined;
      return chunk ? Promise.resolve(chunk) : stream.read();
    },
    write: (data) => stream.write(data),
    ...(setBaudRate ? { setBaudRate } : {}),
    close: () => stream.close(),
  };
}
