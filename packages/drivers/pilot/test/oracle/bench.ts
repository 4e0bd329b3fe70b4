// The bench that a case of the oracle works on: a C program with the port open, and the other end of the cable.

import { encode, errnoName } from "@devlift/core";
import type { CallResult, CallsProgram } from "@devlift/testing/calls";
import { CC, RAW_AND_SILENT, Termios } from "@devlift/tty";
import type { ScriptedHandheld } from "./scripted-handheld.ts";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
/** Long enough for a slow machine: a wait that ends by an event in every case that passes. */
export const PATIENCE_MS = 60_000;

export const TCGETS = 0x5401;
export const TCSETS = 0x5402;
export const TCSETSW = 0x5403;
export const TCSETSF = 0x5404;
export const TCGETA = 0x5405;
export const TCSBRK = 0x5409;
export const TCXONC = 0x540a;
export const TCFLSH = 0x540b;
export const TIOCEXCL = 0x540c;
export const TIOCNXCL = 0x540d;
export const TIOCOUTQ = 0x5411;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCMGET = 0x5415;
export const TIOCMBIS = 0x5416;
export const TIOCMBIC = 0x5417;
export const TIOCMSET = 0x5418;
export const FIONREAD = 0x541b;
export const TIOCGETD = 0x5424;
export const TIOCSBRK = 0x5427;
export const TIOCCBRK = 0x5428;
export const TIOCMIWAIT = 0x545c;
export const TIOCGICOUNT = 0x545d;
export const TCGETS2 = 0x802c542a;
export const UNKNOWN = 0x54ff;

/** What a case works with: a program with the port open as "a" (raw, nothing waiting), and the other end of the cable. */
export class Bench {
  readonly program: CallsProgram;
  readonly path: string;
  readonly handheld: ScriptedHandheld;
  readonly lines: string[] = [];
  /** What had been written to the handheld when the case began. */
  readonly #from: number;

  constructor(program: CallsProgram, path: string, handheld: ScriptedHandheld) {
    this.program = program;
    this.path = path;
    this.handheld = handheld;
    this.#from = handheld.sent.length;
  }

  /** Notes what a call gave. */
  async note(label: string, call: Promise<CallResult>): Promise<CallResult> {
    const given = await call;
    const data = given.data.length > 0 ? ` ${Buffer.from(given.data).toString("hex")}` : "";
    this.lines.push(`${label}: ${given.result < 0 ? errnoName(given.errno) : `${given.result}${data}`}`);
    return given;
  }

  /** tcsetattr(TCSANOW) to raw, with changes. */
  async set(changes: Changes, command = TCSETS): Promise<void> {
    const done = await this.program.ioctlBuffer("a", command, termios(changes));
    if (done.result !== 0) throw new RangeError(`tcsetattr failed: ${errnoName(done.errno)}`);
  }

  /** An int that an ioctl gives. */
  async int(request: number): Promise<number> {
    const { data } = await this.program.ioctlBuffer("a", request, new Uint8Array(4));
    return Buffer.from(data).readInt32LE(0);
  }

  /** The handheld sends text, and all of it is in the port's buffer. */
  async arrive(text: string): Promise<void> {
    const before = await this.int(FIONREAD);
    this.handheld.push(Buffer.from(text));
    while ((await this.int(FIONREAD)) < before + text.length) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** What the handheld is told, as soon as that is `length` bytes. */
  async told(length: number): Promise<void> {
    this.lines.push(`told: ${JSON.stringify((await this.handheld.told(length, this.#from)).toString("latin1"))}`);
  }
}

export interface Changes {
  readonly iflag?: number;
  readonly oflag?: number;
  readonly lflag?: number;
  readonly min?: number;
  readonly time?: number;
  readonly cflag?: number;
}

export function termios(changes: Changes): Uint8Array {
  const { iflag = 0, oflag = 0, lflag = 0, min = 1, time = 0, cflag = RAW_AND_SILENT.c_cflag } = changes;
  const c_cc = RAW_AND_SILENT.c_cc.slice();
  c_cc[CC.VMIN] = min;
  c_cc[CC.VTIME] = time;
  const flags = { c_iflag: iflag, c_oflag: oflag, c_lflag: lflag, c_cflag: cflag };
  return encode(Termios, "lp64", { ...flags, c_line: 0, c_cc });
}

export interface Difference {
  readonly kernel: readonly string[];
  readonly ours: readonly string[];
  /** As it stands in the driver's README. */
  readonly why: string;
}

export interface Case {
  readonly name: string;
  run(bench: Bench): Promise<void>;
  readonly differs?: Difference;
}
