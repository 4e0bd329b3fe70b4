// One script of system calls, made on the kernel's port and on ours. A case gives lines; the lines of both must be
// equal, or be just those that `differs` says, with its reason.

import { encode, errnoName, POLL } from "@devlift/core";
import type { CallResult, CallsProgram } from "@devlift/testing/calls";
import { CC, IFLAG, LFLAG, OFLAG, RAW_AND_SILENT, Termios } from "@devlift/tty";
import type { ScriptedHandheld } from "./scripted-handheld.ts";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
/** Long enough for a slow machine: a wait that ends by an event in every case that passes. */
const PATIENCE_MS = 60_000;

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TCSETSW = 0x5403;
const TCSETSF = 0x5404;
const TCGETA = 0x5405;
const TCSBRK = 0x5409;
const TCXONC = 0x540a;
const TCFLSH = 0x540b;
const TIOCEXCL = 0x540c;
const TIOCNXCL = 0x540d;
const TIOCOUTQ = 0x5411;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCMGET = 0x5415;
const TIOCMBIS = 0x5416;
const TIOCMBIC = 0x5417;
const TIOCMSET = 0x5418;
const FIONREAD = 0x541b;
const TIOCGETD = 0x5424;
const TIOCSBRK = 0x5427;
const TIOCCBRK = 0x5428;
const TIOCMIWAIT = 0x545c;
const TIOCGICOUNT = 0x545d;
const TCGETS2 = 0x802c542a;
const UNKNOWN = 0x54ff;

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

const B115200 = 0x1002;
const CBAUD = 0x100f;

export const CASES: readonly Case[] = [
  {
    name: "open flags",
    async run({ program, path, lines }) {
      for (const flags of [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_NONBLOCK, O_RDWR | O_NOCTTY]) {
        const { result } = await program.open("b", path, flags);
        lines.push(`open ${flags}: ${result}`);
        await program.close("b");
      }
    },
  },
  {
    name: "what may be done with a read-only and a write-only descriptor",
    async run(bench) {
      const { program, path } = bench;
      await program.open("b", path, O_RDONLY);
      await bench.note("write", program.write("b", Buffer.from("x")));
      await program.close("b");
      await program.open("b", path, O_WRONLY);
      await bench.note("read", program.read("b", 1));
      await program.close("b");
    },
  },
  {
    name: "termios is read back as it was set",
    async run(bench) {
      const { program } = bench;
      const iflag = IFLAG.ICRNL | IFLAG.IXON;
      await bench.set({ iflag, oflag: OFLAG.OPOST | OFLAG.ONLCR, lflag: LFLAG.ICANON | LFLAG.ISIG, min: 7, time: 3 });
      await bench.note("TCGETS", program.ioctlBuffer("a", TCGETS, new Uint8Array(36)));
      await bench.note("TCGETA", program.ioctlBuffer("a", TCGETA, new Uint8Array(18)));
      await bench.note("TCGETS2", program.ioctlBuffer("a", TCGETS2, new Uint8Array(44)));
    },
  },
  {
    name: "the speed",
    async run(bench) {
      await bench.set({ cflag: (RAW_AND_SILENT.c_cflag & ~CBAUD) | B115200 });
      const { data } = await bench.program.ioctlBuffer("a", TCGETS, new Uint8Array(36));
      bench.lines.push(`c_cflag speed: 0x${(Buffer.from(data).readUInt32LE(8) & CBAUD).toString(16)}`);
    },
    differs: {
      kernel: ["c_cflag speed: 0xd"],
      ours: ["c_cflag speed: 0x1002"],
      why: "the speed reads back as it was set",
    },
  },
  {
    name: "modem lines and breaks, which a handheld does not have",
    async run(bench) {
      const { program } = bench;
      const zero = new Uint8Array(4);
      await bench.note("TIOCMGET", program.ioctlBuffer("a", TIOCMGET, zero));
      await bench.note("TIOCMSET", program.ioctlBuffer("a", TIOCMSET, zero));
      await bench.note("TIOCMBIS", program.ioctlBuffer("a", TIOCMBIS, zero));
      await bench.note("TIOCMBIC", program.ioctlBuffer("a", TIOCMBIC, zero));
      await bench.note("TIOCMIWAIT", program.ioctl("a", TIOCMIWAIT, 0x20));
      await bench.note("TIOCGICOUNT", program.ioctlBuffer("a", TIOCGICOUNT, new Uint8Array(80)));
      await bench.note("TCSBRK 0", program.ioctl("a", TCSBRK, 0));
      await bench.note("TIOCSBRK", program.ioctl("a", TIOCSBRK, 0));
      await bench.note("TIOCCBRK", program.ioctl("a", TIOCCBRK, 0));
    },
  },
  {
    name: "calls that always work, and one that nobody knows",
    async run(bench) {
      const { program } = bench;
      const winsize = Uint8Array.of(24, 0, 80, 0, 1, 0, 2, 0);
      await bench.note("TIOCGWINSZ", program.ioctlBuffer("a", TIOCGWINSZ, new Uint8Array(8)));
      await bench.note("TIOCSWINSZ", program.ioctlBuffer("a", TIOCSWINSZ, winsize));
      await bench.note("TIOCGWINSZ", program.ioctlBuffer("a", TIOCGWINSZ, new Uint8Array(8)));
      await program.ioctlBuffer("a", TIOCSWINSZ, new Uint8Array(8));
      await bench.note("TIOCEXCL", program.ioctl("a", TIOCEXCL, 0));
      await bench.note("TIOCNXCL", program.ioctl("a", TIOCNXCL, 0));
      await bench.note("TIOCGETD", program.ioctlBuffer("a", TIOCGETD, new Uint8Array(4)));
      await bench.note("TCSBRK 1", program.ioctl("a", TCSBRK, 1));
      for (const action of [0, 1, 2, 3]) await bench.note(`TCXONC ${action}`, program.ioctl("a", TCXONC, action));
      for (const queue of [0, 1, 2]) await bench.note(`TCFLSH ${queue}`, program.ioctl("a", TCFLSH, queue));
      await bench.note("TCFLSH 3", program.ioctl("a", TCFLSH, 3));
      await bench.note("TIOCOUTQ", program.ioctlBuffer("a", TIOCOUTQ, new Uint8Array(4)));
      await bench.note("unknown", program.ioctl("a", UNKNOWN, 0));
    },
  },
  {
    name: "bad pointers",
    async run(bench) {
      for (const [name, request] of Object.entries({
        TCGETS,
        TCSETS,
        TCSETSW,
        TCGETA,
        FIONREAD,
        TIOCGWINSZ,
        TCGETS2,
      })) {
        await bench.note(name, bench.program.ioctl("a", request, 8));
      }
    },
  },
  {
    name: "FIONREAD, a read of less, and a flush",
    async run(bench) {
      const { program, lines } = bench;
      await bench.arrive("hello");
      lines.push(`FIONREAD: ${await bench.int(FIONREAD)}`);
      await bench.note("read 2", program.read("a", 2));
      lines.push(`FIONREAD: ${await bench.int(FIONREAD)}`);
      await bench.note("TCFLSH input", program.ioctl("a", TCFLSH, 0));
      lines.push(`FIONREAD: ${await bench.int(FIONREAD)}`);
    },
  },
  {
    name: "a read that waits gets what comes",
    async run(bench) {
      const reading = bench.note("read", bench.program.read("a", 100));
      bench.handheld.push(Buffer.from("late"));
      await reading;
    },
  },
  {
    name: "VMIN 0 VTIME 0: at once",
    async run(bench) {
      await bench.set({ min: 0 });
      await bench.note("nothing there", bench.program.read("a", 10));
      await bench.arrive("abc");
      await bench.note("three there", bench.program.read("a", 10));
    },
  },
  {
    name: "VMIN 0 VTIME 1: a time limit",
    async run(bench) {
      await bench.set({ min: 0, time: 1 });
      await bench.note("nothing comes", bench.program.read("a", 10));
      await bench.arrive("abc");
      await bench.note("three there", bench.program.read("a", 10));
    },
  },
  {
    name: "VMIN 5 VTIME 0: as many as that",
    async run(bench) {
      await bench.set({ min: 5 });
      await bench.arrive("abc");
      await bench.note("poll with three", bench.program.poll("a", POLL.IN, 0));
      const reading = bench.note("read 10", bench.program.read("a", 10));
      bench.handheld.push(Buffer.from("de"));
      await reading;
      await bench.arrive("fgh");
      await bench.note("read 2 of three", bench.program.read("a", 2));
      await bench.note("flush", bench.program.ioctl("a", TCFLSH, 0));
    },
  },
  {
    name: "VMIN 5 VTIME 1: a pause between bytes ends it",
    async run(bench) {
      await bench.set({ min: 5, time: 1 });
      await bench.arrive("abc");
      await bench.note("read 10", bench.program.read("a", 10));
    },
  },
  {
    name: "O_NONBLOCK, switched while open",
    async run(bench) {
      const { program } = bench;
      await program.nonBlock("a", true);
      await bench.note("nothing there", program.read("a", 10));
      await bench.set({ min: 5 });
      await bench.arrive("ab");
      await bench.note("less than VMIN there", program.read("a", 10));
      await bench.set({ min: 0 });
      await bench.note("VMIN 0, nothing there", program.read("a", 10));
      await bench.set({ min: 1 });
      await program.nonBlock("a", false);
      const reading = bench.note("blocking again", program.read("a", 10));
      bench.handheld.push(Buffer.from("x"));
      await reading;
    },
  },
  {
    name: "select and poll",
    async run(bench) {
      const { program } = bench;
      await bench.note("select, nothing there", program.select("a", "rw", 0));
      await bench.note("poll, nothing there", program.poll("a", POLL.IN | POLL.OUT, 0));
      await bench.arrive("x");
      await bench.note("select, one there", program.select("a", "rw", 0));
      await bench.note("poll, one there", program.poll("a", POLL.IN | POLL.OUT, 0));
      await program.read("a", 1);
      const waiting = bench.note("poll that waits", program.poll("a", POLL.IN, PATIENCE_MS));
      bench.handheld.push(Buffer.from("y"));
      await waiting;
      await program.read("a", 1);
    },
  },
  {
    name: "dup2, and close of the first descriptor",
    async run(bench) {
      const { program, handheld } = bench;
      const closes = handheld.closes;
      await bench.note("dup2", program.dup2("a", "d"));
      await bench.note("close", program.close("a"));
      bench.lines.push(`last closes: ${handheld.closes - closes}`);
      await bench.note("write", program.write("d", Buffer.from("still")));
      await bench.told(5);
      const reading = bench.note("read", program.read("d", 10));
      handheld.push(Buffer.from("here"));
      await reading;
      await program.open("a", bench.path, O_RDWR);
      await program.close("d");
    },
  },
  {
    name: "a second open shares termios and the bytes",
    async run(bench) {
      const { program } = bench;
      await bench.note("open", program.open("b", bench.path, O_RDWR | O_NONBLOCK));
      await bench.set({ min: 3, time: 9 });
      await bench.note("TCGETS of the other", program.ioctlBuffer("b", TCGETS, new Uint8Array(36)));
      await bench.set({});
      await bench.arrive("z");
      await bench.note("read by the other", program.read("b", 1));
      await bench.note("close", program.close("b"));
      await bench.note("write by the first", program.write("a", Buffer.from("!")));
      await bench.told(1);
    },
  },
  {
    name: "a signal ends a read that waits",
    async run(bench) {
      await bench.program.signals(50);
      await bench.note("read", bench.program.read("a", 1));
      await bench.note("select", bench.program.select("a", "r", PATIENCE_MS));
      await bench.program.signals(0);
    },
  },
  {
    name: "a signal with SA_RESTART",
    async run(bench) {
      const { program } = bench;
      await program.signals(50, "restart");
      const reading = bench.note("read", program.read("a", 1));
      // Long after the first signals; the kernel's read is still waiting then.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      bench.handheld.push(Buffer.from("x"));
      await reading;
      await program.signals(0);
      await program.ioctl("a", TCFLSH, 0);
    },
    differs: {
      kernel: ["read: 1 78"],
      ours: ["read: EINTR"],
      why: "a signal ends a waiting call with EINTR, SA_RESTART or not",
    },
  },
  {
    name: "canonical mode: lines, editing, end of file",
    async run(bench) {
      const { program } = bench;
      await bench.set({ lflag: LFLAG.ICANON, iflag: IFLAG.ICRNL });
      bench.handheld.push(Buffer.from("abX\x7fc\rdef\n"));
      await bench.note("poll", program.poll("a", POLL.IN, PATIENCE_MS));
      await bench.note("first line", program.read("a", 100));
      await bench.note("second line", program.read("a", 100));
      bench.handheld.push(Buffer.from("gone\x15kept\x04\x04"));
      await bench.note("a line that was killed, then kept", program.read("a", 100));
      await bench.note("end of file", program.read("a", 100));
      bench.handheld.push(Buffer.from("long line\n"));
      await bench.note("4 of a longer one", program.read("a", 4));
      await bench.note("the rest", program.read("a", 100));
    },
  },
  {
    name: "echo, when a program asks for it",
    async run(bench) {
      await bench.set({
        lflag: LFLAG.ICANON | LFLAG.ECHO | LFLAG.ECHOE,
        iflag: IFLAG.ICRNL,
        oflag: OFLAG.OPOST | OFLAG.ONLCR,
      });
      bench.handheld.push(Buffer.from("ab\x7fc\r"));
      await bench.note("read", bench.program.read("a", 100));
      await bench.told(8);
      await bench.set({});
    },
  },
  {
    name: "output processing",
    async run(bench) {
      await bench.set({ oflag: OFLAG.OPOST | OFLAG.ONLCR | OFLAG.XTABS });
      await bench.note("write", bench.program.write("a", Buffer.from("a\tb\n")));
      await bench.told(11);
      await bench.set({});
    },
  },
  {
    name: "a long write arrives whole",
    async run(bench) {
      await bench.note("write", bench.program.fill("a", 5000));
      await bench.told(5000);
    },
  },
  {
    name: "drain waits until the handheld has everything",
    async run(bench) {
      const { program, handheld, lines } = bench;
      const open = handheld.hold();
      await bench.note("write", program.write("a", Buffer.from("drained")));
      let drained = false;
      const draining = bench.note("TCSETSW", program.ioctlBuffer("a", TCSETSW, termios({}))).then((given) => {
        drained = true;
        return given;
      });
      await new Promise((resolve) => setTimeout(resolve, 300));
      lines.push(`drained while the handheld holds: ${drained}`);
      open();
      await draining;
      await bench.told(7);
    },
  },
  {
    name: "TCSETSF forgets what came",
    async run(bench) {
      await bench.arrive("old");
      await bench.set({}, TCSETSF);
      bench.lines.push(`FIONREAD: ${await bench.int(FIONREAD)}`);
    },
  },
];
