// `npm start` on a machine without CUSE: over a pty in a directory of its own, with the virtual Palm.

import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { endAll, gone, StartProgram, syncWith } from "./start-program.ts";

/** Only a bound for what hangs. */
const TIME_LIMIT = 300_000;
const DATABASES = ["AddressDB", "DatebookDB", "Devlift Hello", "MemoDB", "ToDoDB"];

let folder: string;
let device: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "devlift-start-"));
  device = join(folder, "pilot");
});
afterEach(async () => {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: readonly string[]): StartProgram {
  return new StartProgram("--device", device, ...args);
}

describe("npm start", { timeout: TIME_LIMIT }, () => {
  test.each([
    { args: [], handheld: "Palm OS 5, 0830:0060", family: "NET" },
    { args: ["--model", "visor"], handheld: "Palm OS 3, 082d:0100", family: "SLP" },
    { args: ["--protocol", "slp"], handheld: "Palm OS 5, 0830:0060", family: "SLP" },
  ])("--once $args syncs with a virtual Palm and shows what it has", async ({ args, handheld, family }) => {
    const program = start("--once", ...args);
    expect([await program.ended, program.stderr.replace(/^devlift: .* \(\d+ s\)\n/gm, "")]).toEqual([0, ""]);
    expect(program.stdout).toContain(`handheld   virtual Palm (${handheld}) over USB/IP on loopback\n`);
    expect(program.stdout).toMatch(/^channel {4}pty: .+\n {11}not fusd: .+\n {11}not cuse: /m);
    expect(program.stdout).toContain(`device     ${device}\nHotSync    done, over ${family}\n`);
    expect(program.stdout).toMatch(/\n\nDevlift User, Palm OS [35]\.\d, [\d.]+ of \d+ MB free\n\n/);
    const table = program.stdout.slice(program.stdout.indexOf("\nDatabase ")).trim().split("\n");
    expect(table[0]).toMatch(/^Database +Type +Creator +Records +Size$/);
    expect(table.slice(2).map((line) => line.split(/ {3,}/)[0])).toEqual(DATABASES);
    expect(table[2]).toMatch(/^AddressDB +DATA +addr +3 +0\.9 KB$/);
    await gone([], device);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("goes on serving other programs until %s", async (signal) => {
    const program = start();
    await program.printed(/Serving until Ctrl-C\.\n/);
    expect(program.stdout).toContain(`\nFor a program of your own:  pilot-xfer --port ${device} --list\n`);
    for (const times of [1, 2]) {
      expect((await syncWith(device)).sort()).toEqual(DATABASES);
      await program.printed(
        /^\d\d:\d\d:\d\d {3}a program used the port: \d+ bytes from the handheld, \d+ to it$/m,
        times,
      );
    }
    const children = program.children();
    expect(children).toHaveLength(1);
    expect(await program.signal(signal)).toBe(0);
    await gone(children, device);
  });

  test("killed, it leaves neither a process nor the device file", async () => {
    const program = start();
    await program.printed(/^device /m);
    const children = program.children();
    expect(children.length).toBeGreaterThan(0);
    expect(lstatSync(device).isSymbolicLink()).toBe(true);
    expect(await program.signal("SIGKILL")).toBe("SIGKILL");
    await gone(children, device);
  });

  test("a daemon that dies is an error", async () => {
    const program = start();
    await program.printed(/Serving until/);
    const [daemon] = program.children();
    process.kill(daemon ?? 0, "SIGKILL");
    expect([await program.ended, program.stderr]).toEqual([
      1,
      expect.stringMatching(/^devlift: devlift-pilot ended by SIGKILL$/m),
    ]);
  });

  test("a daemon that cannot serve is an error, with its reason", async () => {
    const program = start("--once", "--channel", "cuse");
    expect([await program.ended, program.stderr]).toEqual([
      1,
      expect.stringMatching(/^devlift-pilot: .*cuse: .*\ndevlift: devlift-pilot ended with status 1\n$/s),
    ]);
  });

  test("Ctrl-C before the HotSync is done: --once was not", async () => {
    const program = start("--once", "--usb", "usbip://127.0.0.1:9/1-1");
    await program.printed(/Press the HotSync button of your handheld\.\n/);
    const children = program.children();
    expect(await program.signal("SIGINT")).toBe(130);
    await gone(children, device);
  });

  test.each([
    [["--onec"], "Unknown option '--onec'"],
    [["pilot"], "Unexpected argument 'pilot'"],
    [["--model", "newton"], "--model newton: one of visor, m505, "],
    [["--protocol", "ppp"], "--protocol ppp: one of slp, net"],
    [["--usb", "libusb", "--model", "visor"], "--usb is for a handheld that exists"],
    [["--channel", "tcp"], "--channel tcp: one of auto, fusd, cuse, pty"],
  ])("%s is a wrong command line", async (args, message) => {
    const program = start(...args);
    expect([await program.ended, program.stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
