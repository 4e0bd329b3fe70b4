// The kernel's own driver is the judge: the same virtual handheld, once behind visor.ko and once behind the daemon, the
// same calls on both ports by the same C program, in 64 and in 32 bits.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { POLL } from "@devlift/core";
import { CallsProgram } from "@devlift/testing/calls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Daemon } from "../daemon.ts";
import { Cradle, KERNEL_PORT, kernelPort, openWhenThere, PILOT } from "../vm-bench.ts";
import { Bench, type Difference, O_NONBLOCK, O_RDWR, TCGETS, TCSETSF, termios } from "./bench.ts";
import { ScriptedHandheld } from "./scripted-handheld.ts";
import { SETTINGS } from "./settings.ts";
import { TRAFFIC } from "./traffic.ts";

const CASES = [...SETTINGS, ...TRAFFIC];
const handheld = new ScriptedHandheld();
const readme = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");
let cradle: Cradle;
let daemon: Daemon | undefined;

beforeAll(async () => {
  cradle = await Cradle.open();
  await plug();
});

afterAll(async () => {
  await daemon?.stop();
  await cradle.close();
});

async function plug(): Promise<void> {
  await cradle.plug(handheld);
  await kernelPort();
}

/** Makes one case's calls on a port. */
async function linesOf(path: string, bits: 64 | 32, run: (bench: Bench) => Promise<void>): Promise<string[]> {
  const program = new CallsProgram(bits);
  try {
    expect(await openWhenThere(program, path, O_RDWR | O_NONBLOCK)).toBe(0);
    expect(await program.ioctlBuffer("a", TCSETSF, termios({}))).toMatchObject({ result: 0 });
    await program.nonBlock("a", false);
    const bench = new Bench(program, path, handheld);
    await run(bench);
    return bench.lines;
  } finally {
    await program.stop();
  }
}

/** What an unplug does to a program that has the port open, and to the next one. */
async function unplugLines(path: string, bits: 64 | 32): Promise<string[]> {
  const reader = new CallsProgram(bits);
  const program = new CallsProgram(bits);
  try {
    for (const each of [reader, program]) {
      await each.open("a", path, O_RDWR);
      await each.ioctlBuffer("a", TCSETSF, termios({}));
    }
    const bench = new Bench(program, path, handheld);
    const reading = reader.read("a", 1);
    const waiting = bench.note("poll that waits", program.poll("a", POLL.IN, 60_000));
    await cradle.unplug();
    await waiting;
    await bench.note("read that waits", reading);
    await bench.note("poll", program.poll("a", POLL.IN | POLL.OUT, 0));
    await bench.note("read", program.read("a", 1));
    await bench.note("write", program.write("a", Buffer.from("x")));
    await bench.note("TCGETS", program.ioctlBuffer("a", TCGETS, new Uint8Array(36)));
    await bench.note("reopen", program.open("b", path, O_RDWR));
    return bench.lines;
  } finally {
    await Promise.all([reader.stop(), program.stop()]);
  }
}

const recorded = new Map<string, readonly string[]>();

const REOPEN: Difference = {
  kernel: ["reopen: ENOENT"],
  ours: ["reopen: ENODEV"],
  why: "the node stays",
};
const FIRST_TERMIOS: Difference = {
  // ICRNL IXON, OPOST ONLCR, B9600 CS8 CREAD HUPCL CLOCAL, ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN
  kernel: ["500 5 cbd 8a3b"],
  ours: ["0 0 cbd 0"],
  why: "raw and silent from open",
};

async function firstTermios(path: string): Promise<string[]> {
  const program = new CallsProgram();
  await program.open("a", path, O_RDWR);
  const { data } = await program.ioctlBuffer("a", TCGETS, new Uint8Array(36));
  await program.stop();
  const flags = [0, 4, 8, 12].map((at) => Buffer.from(data).readUInt32LE(at).toString(16));
  return [flags.join(" ")];
}

describe("visor.ko's port", () => {
  test("its first termios", async () => {
    expect(await firstTermios(KERNEL_PORT)).toEqual(FIRST_TERMIOS.kernel);
  });

  describe.each([64, 32] as const)("a %i-bit program", (bits) => {
    test.each(CASES)("$name", async ({ name, run, differs }) => {
      const lines = await linesOf(KERNEL_PORT, bits, run);
      recorded.set(`${bits} ${name}`, lines);
      if (differs !== undefined) expect(lines).toEqual(differs.kernel);
      else expect(lines.length).toBeGreaterThan(0);
    });

    test("unplug while open", async () => {
      const lines = await unplugLines(KERNEL_PORT, bits);
      recorded.set(`${bits} unplug`, lines);
      expect(lines.slice(-1)).toEqual(REOPEN.kernel);
      await plug();
    });
  });
});

describe("our port, beside what visor.ko's gave", () => {
  beforeAll(async () => {
    daemon = await Daemon.start(["--channel", "cuse", "--usb", "libusb"]);
  });

  test("its first termios", async () => {
    expect(await firstTermios(PILOT)).toEqual(FIRST_TERMIOS.ours);
    expect(readme).toContain(FIRST_TERMIOS.why);
  });

  describe.each([64, 32] as const)("a %i-bit program", (bits) => {
    test.each(CASES)("$name", async ({ name, run, differs }) => {
      const lines = await linesOf(PILOT, bits, run);
      expect(lines).toEqual(differs?.ours ?? recorded.get(`${bits} ${name}`));
      if (differs !== undefined) expect(readme).toContain(differs.why);
    });

    test("unplug while open", async () => {
      const lines = await unplugLines(PILOT, bits);
      expect(lines).toEqual([...(recorded.get(`${bits} unplug`) ?? []).slice(0, -1), ...REOPEN.ours]);
      expect(readme).toContain(REOPEN.why);
      await plug();
    });
  });
});
