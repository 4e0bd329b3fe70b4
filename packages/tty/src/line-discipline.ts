// The input side of a port: what N_TTY makes of bytes from the wire before a program reads them, and when a read has
// enough (drivers/tty/n_tty.c). Pure: knows neither line nor clock. Lives as long as the line is open.

import { type WouldBlock, wouldBlock, wouldBlockFor } from "@devlift/core";
import { toLower } from "./ctype.ts";
import { InputQueue } from "./input-queue.ts";
import { INPUT_LIMIT } from "./limits.ts";
import { LineEditor } from "./line-editor.ts";
import type { Modes } from "./modes.ts";
import type { Output } from "./output.ts";
import type { PortMemory } from "./port-memory.ts";
import { CC, DISABLED, IFLAG, LFLAG } from "./termios.ts";

const NL = 0x0a;
const CR = 0x0d;
const NOTHING = new Uint8Array(0);

/** Flags that make input more than a copy. */
const COOKING = {
  input: IFLAG.ISTRIP | IFLAG.IUCLC | IFLAG.IGNCR | IFLAG.ICRNL | IFLAG.INLCR | IFLAG.IXON | IFLAG.PARMRK,
  local: LFLAG.ICANON | LFLAG.ISIG | LFLAG.ECHO,
} as const;

/** Room in the queue, or bytes left to read in it, below which the line is slowed, or let go (TTY_THRESHOLD_*). */
const THRESHOLD = 128;

/** What characters do to output. */
export interface FlowControl {
  /** Output stands still. */
  readonly stopped: boolean;
  stop(): void;
  start(): void;
  /** Sends what is echoed so far, unless output is stopped. */
  sendEcho(): void;
  /** ISIG: output that is not sent is dropped. */
  discardOutput(): void;
}

/** What a read knows beside its length. */
export interface ReadTiming {
  readonly nonBlocking: boolean;
  /** Milliseconds since the read began. */
  readonly waitedMs: number;
  /** Milliseconds since bytes last came in. */
  readonly idleMs: number;
}

export class LineDiscipline {
  readonly #queue: InputQueue;
  readonly #modes: Modes;
  readonly #editor: LineEditor;
  readonly #output: Output;
  readonly #flow: FlowControl;

  constructor(modes: Modes, output: Output, flow: FlowControl, memory: PortMemory) {
    this.#queue = new InputQueue(memory);
    this.#modes = modes;
    this.#output = output;
    this.#flow = flow;
    this.#editor = new LineEditor(modes, this.#queue, output);
  }

  /** What FIONREAD tells. */
  get readableBytes(): number {
    return this.#canonical ? this.#queue.readableLineBytes : this.#queue.count;
  }

  /** Whether poll(2) says that a read would not block: for VMIN without VTIME, when VMIN bytes are there. */
  get pollsReadable(): boolean {
    const least = this.#modes.character(CC.VTIME) === 0 ? Math.max(1, this.#modes.character(CC.VMIN)) : 1;
    return this.#available >= (this.#canonical ? 1 : least);
  }

  /** The queue is nearly full, and reading would make room. */
  get crowded(): boolean {
    if (this.#canonical && this.#available === 0) return false;
    return INPUT_LIMIT - this.#queue.count < THRESHOLD;
  }

  /**
   * So little is left to read that more may come, or less than a reader may wait for: the kernel's reader takes bytes
   * while it waits and so makes room, ours leaves them where they are.
   */
  get roomy(): boolean {
    const enough = this.#canonical ? 0 : this.#modes.character(CC.VMIN);
    return this.#available <= THRESHOLD || this.#available < enough;
  }

  /** c_lflag was changed, from `before`. */
  modesChanged(before: number): void {
    if (((before ^ this.#modes.termios.c_lflag) & LFLAG.ICANON) === 0) return;
    this.#queue.setCanonical(this.#canonical);
    this.#editor.reset();
  }

  flush(): void {
    this.#queue.clear();
    this.#editor.flushed();
  }

  /**
   * n_tty_read(). VMIN is counted against what is there and not against what this reader has had, so that a reader who
   * gives up leaves the bytes where they are. A longer VMIN than the read asks for is met by what it asks for.
   * @returns bytes that are valid until the next receive()
   */
  read(length: number, timing: ReadTiming): Uint8Array | WouldBlock {
    if (length === 0) return NOTHING;
    const available = this.#available;
    if (this.#canonical) return available === 0 ? wouldBlock : this.#queue.takeLine(length);
    const least = this.#modes.character(CC.VMIN);
    const time = this.#modes.character(CC.VTIME) * 100;
    if (available === 0) {
      if (least > 0) return wouldBlock;
      return time > timing.waitedMs ? wouldBlockFor(time - timing.waitedMs) : NOTHING;
    }
    if (available < Math.min(least, length) && !timing.nonBlocking) {
      if (time === 0) return wouldBlock;
      // The time between bytes; before the first one of this read there is none.
      const gap = Math.min(timing.idleMs, timing.waitedMs);
      if (gap < time) return wouldBlockFor(time - gap);
    }
    return this.#queue.take(length);
  }

  /** @returns how many of the bytes were used; the others do not fit now */
  receive(bytes: Uint8Array): number {
    const { c_iflag, c_lflag } = this.#modes.termios;
    if ((c_iflag & COOKING.input) === 0 && (c_lflag & COOKING.local) === 0) {
      const used = Math.min(bytes.length, Math.max(0, INPUT_LIMIT - 1 - this.#queue.count));
      this.#queue.pushAll(bytes.subarray(0, used));
      return used;
    }
    let used = 0;
    for (const c of bytes) {
      if (!this.#makeRoom()) break;
      this.#receiveOne(c);
      used++;
    }
    return used;
  }

  get #canonical(): boolean {
    return this.#modes.local(LFLAG.ICANON);
  }

  /** Bytes that a read could take now, ends of file included. */
  get #available(): number {
    return this.#canonical ? this.#queue.lineCount : this.#queue.count;
  }

  /** The last place is kept for the end of a line. A line that is longer loses bytes, so that it can still be ended. */
  #makeRoom(): boolean {
    const free = INPUT_LIMIT - this.#queue.count;
    // PARMRK can make three of one byte.
    const room = (this.#modes.input(IFLAG.PARMRK) ? Math.trunc((free + 2) / 3) : free) - 1;
    if (room > 0) return true;
    if (!this.#canonical || this.#queue.lineCount > 0) return false;
    if (room < 0) this.#queue.erase(1);
    return true;
  }

  #receiveOne(byte: number): void {
    let c = this.#modes.input(IFLAG.ISTRIP) ? byte & 0x7f : byte;
    if (this.#modes.input(IFLAG.IUCLC) && this.#modes.local(LFLAG.IEXTEN)) c = toLower(c);
    if (this.#editor.takeLiteral() || c === DISABLED) {
      this.#restart();
      this.#editor.store(c);
    } else if (!this.#flowControl(c) && !this.#signal(c)) this.#translate(c);
  }

  /** IXON. @returns true when the character is used up */
  #flowControl(c: number): boolean {
    if (!this.#modes.input(IFLAG.IXON)) return false;
    if (c === this.#modes.character(CC.VSTART)) {
      this.#flow.start();
      this.#flow.sendEcho();
    } else if (c === this.#modes.character(CC.VSTOP)) this.#flow.stop();
    else return false;
    return true;
  }

  /** ISIG. Nobody can be sent a signal from here; the rest is done. @returns true when the character is used up */
  #signal(c: number): boolean {
    if (!this.#modes.local(LFLAG.ISIG)) return false;
    if (![CC.VINTR, CC.VQUIT, CC.VSUSP].some((place) => c === this.#modes.character(place))) return false;
    if (!this.#modes.local(LFLAG.NOFLSH)) {
      this.#output.dropEcho();
      this.#flow.discardOutput();
      this.flush();
    }
    if (this.#modes.input(IFLAG.IXON)) this.#flow.start();
    if (this.#modes.local(LFLAG.ECHO)) this.#editor.echo(c);
    return true;
  }

  #translate(c: number): void {
    this.#restart();
    const isReturn = c === CR;
    if (isReturn && this.#modes.input(IFLAG.IGNCR)) return;
    const madeNewline = isReturn && this.#modes.input(IFLAG.ICRNL);
    const made = madeNewline ? NL : c === NL && this.#modes.input(IFLAG.INLCR) ? CR : c;
    if (this.#canonical) this.#editor.edit(made);
    else this.#editor.store(made, madeNewline);
  }

  /** IXANY: whatever comes in lets output go on. */
  #restart(): void {
    if (!this.#flow.stopped || !this.#modes.input(IFLAG.IXON) || !this.#modes.input(IFLAG.IXANY)) return;
    this.#flow.start();
    this.#flow.sendEcho();
  }
}
