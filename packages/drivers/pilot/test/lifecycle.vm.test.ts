// The daemon's end, wanted or not: no program hangs, the handheld goes back to the kernel's driver, the next start
// works.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { POLL } from "@devlift/core";
import { waitFor } from "@devlift/testing";
import { CallsProgram } from "@devlift/testing/calls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Daemon } from "./daemon.ts";
import { ScriptedHandheld } from "./oracle/scripted-handheld.ts";
import { Cradle, driverOf, kernelPort, openWhenThere, PILOT } from "./vm-bench.ts";

const O_RDWR = 2;
/** What CUSE says of a request that nobody will answer; EIO of one that the daemon was reading when it was killed. */
const ABANDONED = [103, 5];
const ENOENT = 2;
const handheld = new ScriptedHandheld();
let cradle: Cradle;
let busName: string;
let daemon: Daemon;

beforeAll(async () => {
  cradle = await Cradle.open();
  busName = await cradle.plug(handheld);
  await kernelPort();
});

afterAll(async () => {
  await daemon.kill();
  await cradle.close();
});

beforeEach(async () => {
  daemon = await Daemon.start(["--channel", "cuse", "--usb", "libusb"]);
});

/** Programs in every call that can wait, once each has got there. */
async function waitingPrograms() {
  const [reader, poller, writer, drainer] = [0, 1, 2, 3].map(() => new CallsProgram());
  if (!reader || !poller || !writer || !drainer) throw new RangeError("unreachable");
  const programs = [reader, poller, writer, drainer];
  for (const program of programs) expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  const letGo = handheld.hold();
  const calls = {
    read: reader.read("a", 10),
    poll: poller.poll("a", POLL.IN, 120_000),
    write: writer.fill("a", 200_000),
    drain: drainer.ioctl("a", TCSBRK, 1),
  };
  // Each is in the kernel by now: CUSE counts the requests that it waits for (poll waits without one).
  await waitFor("three calls to wait", 60_000, () => (waitingInKernel() >= 3 ? true : undefined));
  return { programs, calls, letGo };
}

const TCSBRK = 0x5409;

function waitingInKernel(): number {
  return Number(readFileSync("/sys/class/cuse/pilot/waiting", "latin1"));
}

describe("kill -9", () => {
  test("every waiting call ends with an error, the port is gone, and the next daemon serves", async () => {
    const { programs, calls, letGo } = await waitingPrograms();
    await daemon.kill();
    letGo();
    expect(ABANDONED).toContain((await calls.read).errno);
    expect(ABANDONED).toContain((await calls.write).errno);
    expect(ABANDONED).toContain((await calls.drain).errno);
    expect((await calls.poll).result & POLL.ERR).toBe(POLL.ERR);
    expect(existsSync(PILOT)).toBe(false);
    for (const program of programs) expect((await program.read("a", 1)).result).toBe(-1);
    await Promise.all(programs.map((program) => program.stop()));

    daemon = await Daemon.start(["--channel", "cuse", "--usb", "libusb"]);
    const program = new CallsProgram();
    expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
    const from = handheld.sent.length;
    await program.write("a", Buffer.from("again"));
    expect((await handheld.told(5, from)).toString()).toBe("again");
    await program.stop();
    expect(await daemon.stop()).toBe(0);
  });
});

describe("SIGTERM", () => {
  test("every waiting call ends, exit status 0, and visor.ko has the handheld back", async () => {
    const { programs, calls, letGo } = await waitingPrograms();
    expect(driverOf(busName)).toBe("usbfs");
    const stopping = daemon.stop();
    expect((await calls.read).result).toBeLessThanOrEqual(0);
    expect((await calls.poll).result & POLL.HUP).toBe(POLL.HUP);
    letGo();
    await calls.write;
    await calls.drain;
    expect(await stopping).toBe(0);
    expect(existsSync(PILOT)).toBe(false);
    await Promise.all(programs.map((program) => program.stop()));
    await waitFor("visor.ko to have it back", 60_000, () => driverOf(busName) === "visor" || undefined);
    await kernelPort();
  });

  test("with nobody at the port: exit status 0, and no node", async () => {
    expect(await daemon.stop()).toBe(0);
    const program = new CallsProgram();
    expect(await program.open("a", PILOT, O_RDWR)).toMatchObject({ errno: ENOENT });
    await program.stop();
  });
});

// On fusd another port has it, whose transfers outlive the daemon.
test.each(["cuse", "fusd"])("%s: the last close gives the handheld back while the daemon goes on", async (channel) => {
  if (channel === "fusd") {
    expect(await daemon.stop()).toBe(0);
    execFileSync("modprobe", ["fusd"]);
    daemon = await Daemon.start(["--channel", channel, "--usb", "libusb"]);
  }
  const program = new CallsProgram();
  const closes = handheld.closes;
  expect(await openWhenThere(program, PILOT, O_RDWR)).toBe(0);
  expect(driverOf(busName)).toBe("usbfs");
  await program.close("a");
  await waitFor("visor.ko to have it back", 60_000, () => driverOf(busName) === "visor" || undefined);
  expect(handheld.closes).toBe(closes + 1);
  await program.stop();
  expect(await daemon.stop()).toBe(0);
});
