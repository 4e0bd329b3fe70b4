// Cases: opens, settings, and calls that a serial port answers without a byte moving.

import { IFLAG, LFLAG, OFLAG, RAW_AND_SILENT } from "@devlift/tty";
import {
  type Case,
  FIONREAD,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCSBRK,
  TCSETS,
  TCSETSW,
  TCXONC,
  TIOCCBRK,
  TIOCEXCL,
  TIOCGETD,
  TIOCGICOUNT,
  TIOCGWINSZ,
  TIOCMBIC,
  TIOCMBIS,
  TIOCMGET,
  TIOCMIWAIT,
  TIOCMSET,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSBRK,
  TIOCSWINSZ,
  UNKNOWN,
} from "./bench.ts";

const B115200 = 0x1002;
const CBAUD = 0x100f;

export const SETTINGS: readonly Case[] = [
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
      // The two characters of TCXONC may still be on their way to the handheld.
      await bench.note("TCSBRK 1", program.ioctl("a", TCSBRK, 1));
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
];
