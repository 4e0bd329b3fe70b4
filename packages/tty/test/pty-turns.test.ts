// One program after another on a real pty: what the last close leaves, and what the next program must not get.

import { chmodSync } from "node:fs";
import { native } from "@devlift/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FakeClock } from "../../core/test/fake-clock.ts";
import { portCommands } from "../src/commands.ts";
import { RAW_AND_SILENT } from "../src/termios.ts";
import type { FakeDriver } from "./fake-line.ts";
import { until } from "./machine.ts";
import { dropPrivilege, PtyBench, setTermios } from "./pty-bench.ts";

let bench: PtyBench;
let driver: FakeDriver;
let clock: FakeClock;

beforeEach(() => {
  bench = new PtyBench();
  ({ driver, clock } = bench);
});

afterEach(() => bench.close());

const serve = () => bench.serve();
const open = () => bench.open();
const openLine = () => bench.openLine();

test("unread input is not for the next program", async () => {
  await serve();
  const one = await openLine();
  driver.line.gives("for one");
  const waiting = new Uint8Array(4);
  await until("the input", () => {
    native.ioctl(one.fd, portCommands.FIONREAD.number("lp64"), waiting);
    return waiting[0] === 7;
  });
  one.close();
  await until("the close", () => driver.line.closed === 1);
  const two = await openLine();
  driver.line.gives("for two");
  expect(await two.readAll(7)).toBe("for two");
});

test.each([
  { daemon: "any user's", drops: true },
  { daemon: "root's, where root runs this", drops: false },
])("a program that had the port to itself (TIOCEXCL) keeps nobody out when it is gone: $daemon daemon", async (how) => {
  chmodSync(bench.directory.path, 0o777);
  const restore = how.drops ? dropPrivilege() : () => undefined;
  try {
    await bench.serve({ mode: 0o666 });
    const one = await openLine();
    expect(native.ioctl(one.fd, portCommands.TIOCEXCL.number("lp64"), 0)).toBe(0);
    one.close();
    await until("the close", () => driver.line.closed === 1);
    await until("an open as any user", () => {
      const back = dropPrivilege();
      try {
        return open().fd >= 0;
      } catch {
        return false;
      } finally {
        back();
      }
    });
    await until("a line", () => driver.lines.length === 2);
    driver.line.gives("alive");
    expect(await bench.programs.at(-1)?.readAll(5)).toBe("alive");
  } finally {
    restore();
  }
});

test("output that the hardware never takes has 30 s from the last close, and is not for the next program", async () => {
  driver.onOpen = (line) => {
    line.room = 0;
  };
  await serve();
  const one = await openLine();
  const two = open();
  for (let count = 1; count > 0; ) count = one.write("stale ".repeat(100));
  two.close();
  one.close();
  await until("the limit", () => clock.pending === 1);
  clock.advance(29_000);
  const three = open();
  await until("no limit", () => clock.pending === 0);
  clock.advance(60_000);
  three.close();
  await until("the limit again", () => clock.pending === 1);
  clock.advance(29_999);
  expect(driver.line.closed).toBe(0);
  clock.advance(1);
  await until("the close", () => driver.line.closed === 1);
  const next = await openLine();
  next.write("fresh");
  driver.line.sendAll();
  await until("the output", () => driver.line.written.length >= 5);
  expect(driver.line.takeText()).toBe("fresh");
});

test("a program that opens while another's output drains gets a line of its own, with its settings and bytes", async () => {
  const seen: number[] = [];
  driver.onOpen = (line) => {
    line.configure = ({ outputSpeed }) => void seen.push(outputSpeed);
  };
  await serve();
  const one = await openLine();
  one.write("one");
  await until("the output", () => driver.line.written.length === 3);
  one.close();
  // The limits of the last close and of the drain; nothing looks at the settings any more.
  await until("the drain", () => clock.pending === 2);
  const two = open();
  setTermios(two, { c_cflag: (RAW_AND_SILENT.c_cflag & ~0x100f) | 0x1002 });
  two.write("two");
  clock.advance(1000);
  const [first] = driver.lines;
  driver.line.sendAll();
  await until("the next line", () => driver.lines.length === 2 && driver.line.written.length === 3);
  expect(first?.takeText()).toBe("one");
  expect(driver.line.takeText()).toBe("two");
  expect(seen).toEqual([9600, 115_200]);
});

test("TCOFLUSH throws away what waits for a full line, at once", async () => {
  driver.onOpen = (line) => {
    line.room = 0;
  };
  await serve();
  const program = await openLine();
  program.write("old");
  await until("an offer", () => driver.line.offers > 0);
  expect(native.ioctl(program.fd, portCommands.TCFLSH.number("lp64"), 1)).toBe(0);
  await until("the flush", () => driver.line.discarded === 1);
  program.write("new");
  driver.line.sendAll();
  await until("the output", () => driver.line.written.length >= 3);
  expect(driver.line.takeText()).toBe("new");
});
