// Lines on stderr. When it is a pipe or a socket, as a service manager's, Node keeps in memory what its reader does not
// take. Programs make lines as fast as they call, so a reader that stands still must not be what fills the daemon's
// memory: beyond a bound lines are left out, and the next one that goes through says how many.
// Objects: one LineOutput a process.

import type { Writable } from "node:stream";

/** Bytes. Some ten thousand lines. */
const MOST_HELD = 1024 * 1024;

export class LineOutput {
  readonly #stream: () => Pick<Writable, "write" | "writableLength">;
  readonly #mostHeld: number;
  #leftOut = 0;

  /** @param stream asked for at each line, so that it is not made before there is one */
  constructor(stream: () => Pick<Writable, "write" | "writableLength">, mostHeld = MOST_HELD) {
    this.#stream = stream;
    this.#mostHeld = mostHeld;
  }

  /** @param text without its end of line */
  write(text: string): void {
    const stream = this.#stream();
    if (stream.writableLength > this.#mostHeld) {
      this.#leftOut++;
      return;
    }
    if (this.#leftOut > 0)
      stream.write(`warning: ${this.#leftOut} lines are left out here: nobody read them in time\n`);
    this.#leftOut = 0;
    stream.write(`${text}\n`);
  }
}

export const stderrLines: LineOutput = new LineOutput(() => process.stderr);
