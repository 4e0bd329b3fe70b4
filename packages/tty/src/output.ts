// What is done to bytes on their way out: OPOST, and the echo of input with its deferred cursor movements
// (drivers/tty/n_tty.c, do_output_char() and __process_echoes()). Pure: bytes in, bytes out. An Output lives as long as
// the line is open and knows the column that the cursor is in.

import { isContinuation, isControl, toUpper } from "./ctype.ts";
import type { Modes } from "./modes.ts";
import { IFLAG, OFLAG } from "./termios.ts";

const NL = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const BACKSPACE = 0x08;
const CARET = 0x5e;

/** The longest that one byte becomes: a tab. */
export const MAX_EXPANSION = 8;

/** Steps of an echo beside plain bytes, which are below 0x100. A step's operand is in its low byte. */
const ECHO_CARET = 0x100;
const ECHO_LITERAL = 0x200;
const MOVE_BACK = 0x300;
const SET_LINE_COLUMN = 0x400;
const ERASE_TAB = 0x500;
/** Set in ERASE_TAB's operand when the columns count from a tab, not from the line's start. */
const AFTER_TAB = 0x80;

/** Echo that waits for the line to take it; the oldest goes first when there is more (ECHO_DISCARD_WATERMARK). */
const ECHO_LIMIT = 4096;

export class Output {
  #column = 0;
  /** Where the line that is being edited began. */
  #lineColumn = 0;
  #echo: number[] = [];
  readonly #modes: Modes;
  /** What one byte has become. */
  readonly #made = new Uint8Array(MAX_EXPANSION);

  constructor(modes: Modes) {
    this.#modes = modes;
  }

  /** Whether bytes change on their way out. */
  get processes(): boolean {
    return this.#modes.output(OFLAG.OPOST);
  }

  get echoWaits(): boolean {
    return this.#echo.length > 0;
  }

  /** Processes what fits of `data` into `into`. @returns bytes of `data` used, bytes of `into` filled */
  process(data: Uint8Array, into: Uint8Array): { readonly used: number; readonly made: number } {
    let used = 0;
    let made = 0;
    for (const c of data) {
      const count = made < into.length ? this.#expand(c, into.length - made) : -1;
      if (count < 0) break;
      into.set(this.#made.subarray(0, count), made);
      made += count;
      used++;
    }
    return { used, made };
  }

  /** Moves the echo that fits into `into`. @returns bytes filled */
  takeEcho(into: Uint8Array): number {
    let made = 0;
    let steps = 0;
    for (const step of this.#echo) {
      const count = this.#echoStep(step, into.length - made);
      if (count < 0) break;
      into.set(this.#made.subarray(0, count), made);
      made += count;
      steps++;
    }
    this.#echo.splice(0, steps);
    return made;
  }

  dropEcho(): void {
    this.#echo = [];
  }

  /** Echoes a byte as it is. */
  echoRaw(c: number): void {
    this.#push(c === 0xff ? ECHO_LITERAL | c : c);
  }

  /** Echoes a byte; a control character as ^X where `caret` (ECHOCTL). */
  echo(c: number, caret: boolean): void {
    if (caret && isControl(c) && c !== TAB) this.#push(ECHO_CARET | c);
    else this.echoRaw(c);
  }

  echoMoveBack(): void {
    this.#push(MOVE_BACK);
  }

  echoLineStart(): void {
    this.#push(SET_LINE_COLUMN);
  }

  /** Rubs out a tab before which `columns` were used, counted from the tab before, or from the line's start. */
  echoEraseTab(columns: number, afterTab: boolean): void {
    this.#push(ERASE_TAB | (columns & 7) | (afterTab ? AFTER_TAB : 0));
  }

  #push(step: number): void {
    if (this.#echo.length >= ECHO_LIMIT) this.#echo.shift();
    this.#echo.push(step);
  }

  /** Puts what an echo step becomes into #made. @returns bytes, or -1 when they need more room */
  #echoStep(step: number, room: number): number {
    const operand = step & 0xff;
    switch (step & ~0xff) {
      case ECHO_CARET:
        if (room < 2) return -1;
        this.#column += 2;
        return this.#make(CARET, operand ^ 0x40);
      case ECHO_LITERAL:
        if (room < 1) return -1;
        this.#column++;
        return this.#make(operand);
      case MOVE_BACK:
        this.#back(1);
        return 0;
      case SET_LINE_COLUMN:
        this.#lineColumn = this.#column;
        return 0;
      case ERASE_TAB: {
        const used = (operand & AFTER_TAB) !== 0 ? operand : operand + this.#lineColumn;
        const count = 8 - (used & 7);
        if (room < count) return -1;
        this.#made.fill(BACKSPACE, 0, count);
        this.#back(count);
        return count;
      }
      default:
        if (this.processes) return this.#expand(operand, room);
        return room < 1 ? -1 : this.#make(operand);
    }
  }

  /** do_output_char(): puts what a byte becomes into #made. @returns bytes, or -1 when they need more room */
  #expand(c: number, room: number): number {
    if (room < 1) return -1;
    const has = (flag: number) => this.#modes.output(flag);
    switch (c) {
      case NL:
        if (has(OFLAG.ONLRET)) this.#column = 0;
        if (has(OFLAG.ONLCR)) {
          if (room < 2) return -1;
          this.#column = this.#lineColumn = 0;
          return this.#make(CR, NL);
        }
        this.#lineColumn = this.#column;
        return this.#make(c);
      case CR:
        if (has(OFLAG.ONOCR) && this.#column === 0) return 0;
        if (!has(OFLAG.OCRNL)) this.#column = this.#lineColumn = 0;
        else if (has(OFLAG.ONLRET)) this.#column = this.#lineColumn = 0;
        return this.#make(has(OFLAG.OCRNL) ? NL : c);
      case TAB: {
        const spaces = 8 - (this.#column & 7);
        const expands = (this.#modes.termios.c_oflag & OFLAG.XTABS) === OFLAG.XTABS;
        if (expands && room < spaces) return -1;
        this.#column += spaces;
        if (!expands) return this.#make(c);
        this.#made.fill(0x20, 0, spaces);
        return spaces;
      }
      case BACKSPACE:
        this.#back(1);
        return this.#make(c);
      default: {
        if (isControl(c)) return this.#make(c);
        const shown = has(OFLAG.OLCUC) ? toUpper(c) : c;
        if (!(this.#modes.input(IFLAG.IUTF8) && isContinuation(shown))) this.#column++;
        return this.#make(shown);
      }
    }
  }

  #make(first: number, second?: number): number {
    this.#made[0] = first;
    if (second === undefined) return 1;
    this.#made[1] = second;
    return 2;
  }

  #back(columns: number): void {
    this.#column = Math.max(0, this.#column - columns);
  }
}
