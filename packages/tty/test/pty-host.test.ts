// A driver behind a real pty: real programs' calls on the slave, a fake line behind the master.

import { once } from "node:events";
import { existsSync, lstatSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { DeviceError, native } from "@devlift/core";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { FakeClock } from "../../core/test/fake-clock.ts";
import { portCommands } from "../src/commands.ts";
import { ptyAvailability, servePty } from "../src/index.ts";
import { Deferred } from "../src/interruptible.ts";
import { claimName } from "../src/pty-link.ts";
import { RAW_AND_SILENT } from "../src/termios.ts";
import { FakeDriver, noise } from "./fake-line.ts";
import { until } from "./machine.ts";
import { PtyBench, setTermios } from "./pty-bench.ts";

// Above until()'s limit, so that its message is what a failure shows.
vi.setConfig({ testTimeout: 60_000 });

let bench: PtyBench;
let driver: FakeDriver;
let clock: FakeClock;
let link: string;

beforeEach(() => {
  bench = new PtyBench();
  ({ driver, clock, link } = bench);
});

afterEach(() => bench.close());

const serve = () => bench.serve();
const open = () => bench.open();
const openLine = () => bench.openLine();

test("bytes go through both ways, raw, and the line is open as long as a program has the pty open", async () => {
  expect(ptyAvailability().usable).toBe(true);
  await serve();
  expect(driver.calls).toHaveLength(0);
  const one = await openLine();
  const two = open();
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, c) => c));
  one.write("\r\n\t\x03");
  await until("the output", () => driver.line.written.length === 4);
  expect(driver.line.takeText()).toBe("\r\n\t\x03");
  driver.line.sendAll();
  driver.line.gives(all);
  expect(await two.readAll(256)).toBe(all);
  one.close();
  two.write("still open");
  await until("the output", () => driver.line.takeText() === "still open");
  driver.line.sendAll();
  two.close();
  await until("the close", () => driver.line.closed === 1);
  expect(driver.lines).toHaveLength(1);
});

test("what a program writes before it closes is sent, also when it is quicker than the line", async () => {
  const answer = new Deferred();
  driver.onOpen = () => answer.promise;
  await serve();
  const program = open();
  program.write("quick");
  program.close();
  await until("the open", () => driver.calls.length === 1);
  answer.resolve();
  await until("the output", () => driver.lines.length === 1 && driver.line.written.length === 5);
  expect(driver.line.closed).toBe(0);
  driver.line.sendAll();
  await until("the close", () => driver.line.closed === 1);
});

test("a program waits for hardware that is not there, and gets it when it comes", async () => {
  let there = false;
  driver.onOpen = () => {
    if (!there) throw new DeviceError("ENODEV", "no handheld");
  };
  await serve();
  const program = open();
  program.write("hello");
  await until("the first try", () => driver.calls.length === 1);
  await until("the second try", () => {
    clock.advance(100);
    return driver.calls.length === 2;
  });
  there = true;
  await until("the output", () => {
    clock.advance(100);
    return driver.lines.length === 1 && driver.line.written.length === 5;
  });
});

test("a program that gives up waiting calls the opening off", async () => {
  driver.onOpen = (_, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  await serve();
  const program = open();
  await until("the open", () => driver.calls.length === 1);
  program.close();
  await until("the end of it", () => driver.calls[0]?.signal.aborted === true);
  open();
  await until("the next open", () => driver.calls.length === 2);
});

test("when the hardware goes programs are hung up, and the link leads to a new pty", async () => {
  await serve();
  const program = await openLine();
  const before = readlinkSync(link);
  driver.line.host.hangup();
  await until("the hang-up", () => program.read() === undefined);
  expect(program.write("x")).toBe(-5);
  await until("the line's close", () => driver.line.closed === 1);
  expect(readlinkSync(link)).not.toBe(before);
  const next = await openLine();
  expect(driver.lines).toHaveLength(2);
  driver.line.gives("alive");
  expect(await next.readAll(5)).toBe("alive");
});

test("each side is slowed to the pace of the other, and nothing is lost", async () => {
  await serve();
  const program = await openLine();
  driver.line.room = 0;
  let written = 0;
  await until("a full pty", () => {
    const count = program.write("x".repeat(4096));
    written += Math.max(0, count);
    return count < 0;
  });
  expect(driver.line.written).toHaveLength(0);
  let taken = 0;
  await until("all of it", () => {
    driver.line.sendAll(1000);
    taken += driver.line.written.splice(0).length;
    return taken === written;
  });
  const sent = noise(200_000);
  let got = Buffer.alloc(0);
  let at = 0;
  await until("all of it", () => {
    while (at < sent.length && driver.line.throttles.at(-1) !== true) {
      driver.line.host.received(sent.subarray(at, at + 3000));
      at += 3000;
    }
    got = Buffer.concat([got, Buffer.from(program.read() ?? "", "latin1")]);
    return got.length === sent.length;
  });
  expect(got.equals(sent)).toBe(true);
  expect(driver.line.throttles).toContain(true);
});

test("settings reach the hardware after what was written before them", async () => {
  const seen: number[] = [];
  driver.onOpen = (line) => {
    line.configure = ({ outputSpeed }) => void seen.push(outputSpeed);
  };
  await serve();
  const program = await openLine();
  await until("the first settings", () => seen.length === 1);
  program.write("slow");
  await until("the output", () => driver.line.written.length === 4);
  setTermios(program, { c_cflag: (RAW_AND_SILENT.c_cflag & ~0x100f) | 0x1002 });
  clock.advance(1000);
  expect(seen).toEqual([9600]);
  driver.line.sendAll();
  await until("the new settings", () => seen.length === 2);
  expect(seen).toEqual([9600, 115_200]);
  program.write("fast");
  await until("the output", () => driver.line.written.length === 8);
});

test("tcflush(TCOFLUSH) reaches the line", async () => {
  await serve();
  const program = await openLine();
  program.write("x");
  await until("the output", () => driver.line.written.length === 1);
  expect(native.ioctl(program.fd, portCommands.TCFLSH.number("lp64"), 1)).toBe(0);
  await until("the flush", () => driver.line.discarded === 1);
});

test("the end of the daemon hangs programs up and takes the link away", async () => {
  await serve();
  const program = await openLine();
  program.write("stuck");
  await until("the output", () => driver.line.written.length === 5);
  await bench.channel?.close();
  expect(await bench.channel?.ended).toBeUndefined();
  expect(program.read()).toBeUndefined();
  expect(driver.line.closed).toBe(1);
  expect(existsSync(link)).toBe(false);
  expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
});

test("a dead daemon's link is replaced; a living one's, and other files, are not", async () => {
  symlinkSync("/dev/pts/4194303", link);
  await serve();
  expect(statSync(link).isCharacterDevice()).toBe(true);
  await expect(servePty(new FakeDriver(), { link })).rejects.toMatchObject({ name: "UsageError" });
  expect(statSync(link).isCharacterDevice()).toBe(true);

  const file = join(bench.directory.path, "file");
  writeFileSync(file, "precious");
  await expect(servePty(new FakeDriver(), { link: file })).rejects.toMatchObject({ name: "UsageError" });
  const other = join(bench.directory.path, "other");
  symlinkSync(file, other);
  await expect(servePty(new FakeDriver(), { link: other })).rejects.toMatchObject({ name: "UsageError" });
  expect(readlinkSync(other)).toBe(file);
  await expect(servePty(new FakeDriver(), { link: join(bench.directory.path, "no", "where") })).rejects.toMatchObject({
    name: "UsageError",
  });
});

test("connections to the claim on a path are ended at once", async () => {
  await serve();
  // A client of any user's; it never ends by itself.
  const client = createConnection({ path: claimName(link), allowHalfOpen: true });
  onTestFinished(() => void client.destroy());
  await once(client.resume(), "end");
});

test("mode and owner are those that were asked for, also after a hang-up", async () => {
  await bench.serve({ mode: 0o666 });
  expect(statSync(link).mode & 0o777).toBe(0o666);
  await openLine();
  driver.line.host.hangup();
  expect(statSync(link).mode & 0o777).toBe(0o666);
});
