// Cases: bytes in both directions, who waits for them and what ends the wait.

import { POLL } from "@devlift/core";
import { IFLAG, LFLAG, OFLAG } from "@devlift/tty";
import {
  type Case,
  FIONREAD,
  O_NONBLOCK,
  O_RDWR,
  PATIENCE_MS,
  TCFLSH,
  TCGETS,
  TCSETSF,
  TCSETSW,
  termios,
} from "./bench.ts";

export const TRAFFIC: readonly Case[] = [
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
