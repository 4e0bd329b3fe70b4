// Characters on their way into the queue: in canonical mode the keys that edit a line and those that end it, and the
// echo of all that (drivers/tty/n_tty.c, n_tty_receive_char_special() and eraser()). Pure. Lives as long as the line is
// open.

import { isContinuation, isControl, isWord } from "./ctype.ts";
import type { InputQueue } from "./input-queue.ts";
import type { Modes } from "./modes.ts";
import type { Output } from "./output.ts";
import { CC, DISABLED, IFLAG, LFLAG } from "./termios.ts";

const NL = 0x0a;
const TAB = 0x09;

export class LineEditor {
  readonly #modes: Modes;
  readonly #queue: InputQueue;
  readonly #output: Output;
  /** The last character was LNEXT: the next is taken as it is. */
  #literal = false;
  /** An ECHOPRT rubout is open: its closing / is due. */
  #erasing = false;

  constructor(modes: Modes, queue: InputQueue, output: Output) {
    this.#modes = modes;
    this.#queue = queue;
    this.#output = output;
  }

  /** Whether the next character is taken as it is. Asking ends it. */
  takeLiteral(): boolean {
    const literal = this.#literal;
    this.#literal = false;
    return literal;
  }

  /** The queue was flushed. */
  flushed(): void {
    this.#erasing = false;
  }

  /** ICANON was switched. */
  reset(): void {
    this.#erasing = false;
    this.#literal = false;
  }

  /** A character of canonical input: a key, the end of a line, or a part of it. */
  edit(c: number): void {
    if (!this.#key(c) && !this.#lineEnd(c)) this.store(c);
  }

  /** Puts a character into the queue and echoes it; `madeNewline`: it was a CR. */
  store(c: number, madeNewline = false): void {
    if (this.#modes.local(LFLAG.ECHO)) {
      this.#finishErasing();
      if (madeNewline) this.#output.echoRaw(c);
      else this.#echoOfLine(c);
    }
    this.#push(c);
  }

  /** Echoes a character, control characters as ^X where ECHOCTL is on. */
  echo(c: number): void {
    this.#output.echo(c, this.#modes.local(LFLAG.ECHOCTL));
  }

  #push(c: number): void {
    // A true 0xff is doubled where 0xff marks errors.
    if (c === 0xff && this.#modes.input(IFLAG.PARMRK)) this.#queue.push(c);
    this.#queue.push(c);
  }

  #echoOfLine(c: number): void {
    if (this.#queue.editing === 0) this.#output.echoLineStart();
    this.echo(c);
  }

  /** @returns true when the character changes the line rather than being of it */
  #key(c: number): boolean {
    if (c === DISABLED) return false;
    const extended = this.#modes.local(LFLAG.IEXTEN);
    const echo = this.#modes.local(LFLAG.ECHO);
    if (this.#is(CC.VERASE, c)) this.#erase("character");
    else if (extended && this.#is(CC.VWERASE, c)) this.#erase("word");
    else if (this.#is(CC.VKILL, c)) this.#kill();
    else if (extended && this.#is(CC.VLNEXT, c)) {
      this.#literal = true;
      if (echo) {
        this.#finishErasing();
        if (this.#modes.local(LFLAG.ECHOCTL)) this.#echoText("^\b");
      }
    } else if (extended && echo && this.#is(CC.VREPRINT, c)) {
      this.#finishErasing();
      this.echo(c);
      this.#echoText("\n");
      for (let at = this.#queue.editing; at > 0; at--) this.echo(this.#queue.editedByte(at));
    } else return false;
    return true;
  }

  /** @returns true when the character has ended the line */
  #lineEnd(c: number): boolean {
    if (c === DISABLED) return false;
    if (c === NL) {
      if (this.#modes.local(LFLAG.ECHO | LFLAG.ECHONL)) this.#echoText("\n");
      this.#queue.endLine(c);
    } else if (this.#is(CC.VEOF, c)) this.#queue.endLine(DISABLED);
    else if (this.#is(CC.VEOL, c) || (this.#modes.local(LFLAG.IEXTEN) && this.#is(CC.VEOL2, c))) {
      if (this.#modes.local(LFLAG.ECHO)) this.#echoOfLine(c);
      if (c === 0xff && this.#modes.input(IFLAG.PARMRK)) this.#queue.push(c);
      this.#queue.endLine(c);
    } else return false;
    return true;
  }

  #kill(): void {
    if (this.#queue.editing === 0) return;
    const echo = this.#modes.local(LFLAG.ECHO);
    const rubsOut = [LFLAG.ECHOK, LFLAG.ECHOKE, LFLAG.ECHOE].every((flag) => this.#modes.local(flag));
    if (echo && rubsOut) {
      this.#erase("line");
      return;
    }
    this.#queue.erase(this.#queue.editing);
    if (!echo) return;
    this.#finishErasing();
    this.echo(this.#modes.character(CC.VKILL));
    if (this.#modes.local(LFLAG.ECHOK)) this.#echoText("\n");
  }

  #erase(what: "character" | "word" | "line"): void {
    if (this.#queue.editing === 0) return;
    const echo = this.#modes.local(LFLAG.ECHO);
    let inWord = false;
    while (this.#queue.editing > 0) {
      let count = 0;
      let c: number;
      do c = this.#queue.editedByte(++count);
      while (this.#continues(c) && count < this.#queue.editing);
      // Half a character is left alone.
      if (this.#continues(c)) break;
      if (what === "word") {
        if (isWord(c)) inWord = true;
        else if (inWord) break;
      }
      const rest = Array.from({ length: count - 1 }, (_, index) => this.#queue.editedByte(count - 1 - index));
      this.#queue.erase(count);
      if (echo) this.#echoErased(c, rest, what === "character");
      if (what === "character") break;
    }
    if (this.#queue.editing === 0 && echo) this.#finishErasing();
  }

  #echoErased(c: number, rest: readonly number[], single: boolean): void {
    if (this.#modes.local(LFLAG.ECHOPRT)) {
      if (!this.#erasing) {
        this.#echoText("\\");
        this.#erasing = true;
      }
      this.echo(c);
      for (const byte of rest) {
        this.#output.echoRaw(byte);
        this.#output.echoMoveBack();
      }
    } else if (single && !this.#modes.local(LFLAG.ECHOE)) this.echo(this.#modes.character(CC.VERASE));
    else if (c === TAB) this.#echoErasedTab();
    else {
      const caret = this.#modes.local(LFLAG.ECHOCTL);
      if (isControl(c) && caret) this.#echoText("\b \b");
      if (!isControl(c) || caret) this.#echoText("\b \b");
    }
  }

  /** Back over a tab: as far as the characters before it, since the last tab or the line's start, do not reach. */
  #echoErasedTab(): void {
    let columns = 0;
    for (let back = 1; back <= this.#queue.editing; back++) {
      const c = this.#queue.editedByte(back);
      if (c === TAB) {
        this.#output.echoEraseTab(columns, true);
        return;
      }
      if (isControl(c)) columns += this.#modes.local(LFLAG.ECHOCTL) ? 2 : 0;
      else if (!this.#continues(c)) columns++;
    }
    this.#output.echoEraseTab(columns, false);
  }

  #finishErasing(): void {
    if (!this.#erasing) return;
    this.#echoText("/");
    this.#erasing = false;
  }

  #echoText(text: string): void {
    for (const character of text) this.#output.echoRaw(character.charCodeAt(0));
  }

  #is(place: number, c: number): boolean {
    return c === this.#modes.character(place);
  }

  #continues(c: number): boolean {
    return this.#modes.input(IFLAG.IUTF8) && isContinuation(c);
  }
}
