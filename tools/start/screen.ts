// What a person sees: facts, tables and words on standard output; progress, warnings and errors on standard error.
// A terminal gets a spinner for what takes long, a pipe plain lines. Lifetime: the process's.

import type { WriteStream } from "node:tty";

/** The part of a standard stream that is used. */
export type Output = Pick<WriteStream, "write"> & { readonly isTTY?: boolean };

export interface Waiting {
  done(): void;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const FRAME_MS = 100;
/** What takes no longer than this, in milliseconds, is not worth a line in a pipe. */
const WORTH_A_LINE = 1500;
/** Between two lines about the same wait in a pipe, milliseconds. */
const PIPE_MS = 5000;
const LABEL_WIDTH = 10;
const ERASE_LINE = "\r\x1b[K";

export class Screen {
  readonly #out: Output;
  readonly #err: Output;
  #spinner: { readonly text: string; readonly since: number; frame: number; timer: NodeJS.Timeout } | undefined;

  constructor(out: Output = process.stdout, err: Output = process.stderr) {
    this.#out = out;
    this.#err = err;
  }

  /** `label     text`, aligned with the others; more text below it. */
  fact(label: string, ...texts: readonly string[]): void {
    this.print(...texts.map((text, index) => `${(index === 0 ? label : "").padEnd(LABEL_WIDTH)} ${clean(text)}`));
  }

  /** Lines of our own making. */
  print(...lines: readonly string[]): void {
    this.#write(this.#out, lines);
  }

  /** For what is not as it should be, said by `who`. */
  warn(text: string, who = "devlift"): void {
    this.#write(this.#err, [`${who}: ${clean(text)}`]);
  }

  /** Shows that something is under way, until done(). One at a time. */
  waiting(text: string): Waiting {
    const since = performance.now();
    if (this.#err.isTTY === true) {
      const timer = setInterval(() => this.#spin(), FRAME_MS);
      this.#spinner = { text, since, frame: 0, timer };
      this.#spin();
      return { done: () => this.#endSpinner() };
    }
    let timer: NodeJS.Timeout;
    const say = (delay: number): NodeJS.Timeout =>
      setTimeout(() => {
        this.warn(`${text} (${seconds(since)} s)`);
        timer = say(PIPE_MS);
      }, delay);
    timer = say(WORTH_A_LINE);
    return { done: () => clearTimeout(timer) };
  }

  #write(stream: Output, lines: readonly string[]): void {
    if (this.#spinner !== undefined) this.#err.write(ERASE_LINE);
    stream.write(lines.map((line) => `${line}\n`).join(""));
    if (this.#spinner !== undefined) this.#spin();
  }

  #spin(): void {
    if (this.#spinner === undefined) return;
    const { text, since, frame } = this.#spinner;
    this.#spinner.frame = (frame + 1) % FRAMES.length;
    this.#err.write(`${ERASE_LINE}${FRAMES[frame]} ${text} (${seconds(since)} s)`);
  }

  #endSpinner(): void {
    if (this.#spinner === undefined) return;
    clearInterval(this.#spinner.timer);
    this.#spinner = undefined;
    this.#err.write(ERASE_LINE);
  }
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000);
}

/** Names come from devices and servers: they shall not drive the terminal. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
