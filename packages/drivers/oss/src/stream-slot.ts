// The place of one stream of a file: opened when it is wanted, ended when it is not, and opened again when the server has
// gone and comes back. Lifetime: its file's; a stream from its opening to drop() or to what ends it.

import { BackendError } from "./backend/backend.ts";

/** Milliseconds: how long a program waits for a server that has gone to be there again, before it gets an error. */
const PATIENCE_MS = 1500;
/** Milliseconds: a stream that is lost again so soon is not asked for once more. */
const RECOVERED_MS = 5000;

/** What a side of an open file does, for a person. */
export type StreamState = "idle" | "opening" | "held" | "running";

export interface Opening {
  /** Whether what the stream says still counts. */
  readonly current: () => boolean;
  /** The stream has ended by itself. */
  readonly lost: (error: Error) => void;
  /** Milliseconds for which to go on when there is no server. */
  readonly patience: number;
}

export interface SlotOptions<Stream> {
  open(opening: Opening): Promise<Stream>;
  opened(stream: Stream): void;
  /** The stream has gone with what it held, and another one is asked for. */
  lost(): void;
  /** There is no stream, and none is asked for. */
  failed(error: Error): void;
}

export class StreamSlot<Stream extends { close(): void }> {
  readonly #options: SlotOptions<Stream>;
  #stream: Stream | undefined;
  #opening = false;
  /** Tells what comes of an opening that nobody wants any more. */
  #generation = 0;
  #patience = PATIENCE_MS;
  #recoveredAt = Number.NEGATIVE_INFINITY;

  constructor(options: SlotOptions<Stream>) {
    this.#options = options;
  }

  get stream(): Stream | undefined {
    return this.#stream;
  }

  get opening(): boolean {
    return this.#opening;
  }

  /** Changes when the stream, or its opening, is another one. */
  get generation(): number {
    return this.#generation;
  }

  /** Opens one, unless there is one, or is about to be. */
  want(): void {
    if (this.#stream !== undefined || this.#opening) return;
    this.#opening = true;
    const generation = this.#generation;
    const current = () => generation === this.#generation;
    const lost = (error: Error) => {
      if (current()) this.#lost(error);
    };
    this.#options.open({ current, lost, patience: this.#patience }).then(
      (stream) => {
        if (!current()) {
          stream.close();
          return;
        }
        this.#opening = false;
        this.#stream = stream;
        this.#patience = PATIENCE_MS;
        this.#options.opened(stream);
      },
      (error: unknown) => {
        if (current()) this.#fail(error instanceof Error ? error : new BackendError(String(error)));
      },
    );
  }

  /** Ends it, with what it holds. */
  drop(): void {
    this.#stream?.close();
    this.#forget();
  }

  #forget(): void {
    this.#generation++;
    this.#opening = false;
    this.#stream = undefined;
  }

  #lost(error: Error): void {
    const now = performance.now();
    const soon = now - this.#recoveredAt < RECOVERED_MS;
    // One that hangs would make the program wait once more, in vain.
    if (soon || (error instanceof BackendError && error.hangs)) {
      this.#fail(error);
      return;
    }
    this.#recoveredAt = now;
    this.#forget();
    this.#options.lost();
    this.want();
  }

  #fail(error: Error): void {
    this.#forget();
    // Who is told of it has waited once.
    this.#patience = 0;
    this.#options.failed(error);
  }
}
