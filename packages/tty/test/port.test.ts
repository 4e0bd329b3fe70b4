// The life of a port: openers, the line that they share, the last close, and the hardware that goes.

import { DeviceError, POLL } from "@devlift/core";
import { expect, test } from "vitest";
import { Deferred } from "../src/interruptible.ts";
import { RAW_AND_SILENT } from "../src/termios.ts";
import { Bench, O_NONBLOCK, O_RDWR, Pending, settle } from "./bench.ts";

const gone = () => new DeviceError("ENODEV", "no hardware");

test("the first open opens the line, all opens share it and its settings, the last close closes it", async () => {
  const bench = await new Bench().serve();
  const one = await bench.open(O_RDWR | O_NONBLOCK);
  const two = await bench.open();
  expect(bench.driver.calls).toHaveLength(1);
  expect(bench.driver.calls[0]?.nonBlocking).toBe(true);
  await one.change({ c_cflag: 0x1cb2, cc: { VMIN: 7 } });
  expect(await two.termios()).toEqual(await one.termios());
  await one.file.close();
  expect(bench.line.closed).toBe(0);
  bench.line.gives("1234567");
  expect(await two.text(10)).toBe("1234567");
  await two.file.close();
  expect(bench.line.closed).toBe(1);
});

test("settings outlive the last close, as those of a USB serial port do; unread input does not", async () => {
  const bench = await new Bench().serve();
  const one = await bench.open();
  await one.change({ c_cflag: 0x1cb2 });
  bench.line.gives("unread");
  await one.file.close();
  const two = await bench.open(O_RDWR | O_NONBLOCK);
  expect(bench.driver.lines).toHaveLength(2);
  expect(await two.termios()).toMatchObject({ c_cflag: 0x1cb2, c_ospeed: 115_200 });
  await expect(two.text(10)).rejects.toMatchObject({ code: "EAGAIN" });
});

test("several wait for one line; when it fails all get its errno, and the next open tries again", async () => {
  const bench = await new Bench().serve();
  const answer = new Deferred();
  bench.driver.onOpen = async () => {
    await answer.promise;
    throw gone();
  };
  const opens = [bench.open(), bench.open(), bench.open(O_RDWR | O_NONBLOCK)];
  await settle();
  expect(bench.driver.calls).toHaveLength(1);
  answer.resolve();
  for (const open of opens) await expect(open).rejects.toMatchObject({ code: "ENODEV" });
  bench.driver.onOpen = () => undefined;
  const client = await bench.open();
  expect(await client.int("FIONREAD")).toBe(0);
});

test("an opener that is interrupted leaves the line to the others", async () => {
  const bench = await new Bench().serve();
  const answer = new Deferred();
  bench.driver.onOpen = () => answer.promise;
  const signal = new AbortController();
  const impatient = new Pending(bench.open(O_RDWR, signal.signal));
  const patient = new Pending(bench.open());
  await settle();
  signal.abort();
  await expect(impatient.done).rejects.toMatchObject({ code: "EINTR" });
  expect(bench.driver.calls[0]?.signal.aborted).toBe(false);
  expect(await patient.waits()).toBe(true);
  answer.resolve();
  await (await patient.done).file.close();
  expect(bench.line.closed).toBe(1);
});

test("when nobody waits any more the opening is called off, and the next open waits until that is over", async () => {
  const bench = await new Bench().serve();
  const answer = new Deferred();
  bench.driver.onOpen = () => answer.promise;
  const signal = new AbortController();
  const first = new Pending(bench.open(O_RDWR, signal.signal));
  await settle();
  signal.abort();
  await expect(first.done).rejects.toMatchObject({ code: "EINTR" });
  expect(bench.driver.calls[0]?.signal.aborted).toBe(true);
  const second = new Pending(bench.open());
  expect(await second.waits()).toBe(true);
  expect(bench.driver.calls).toHaveLength(1);
  answer.resolve();
  await second.done;
  expect(bench.driver.lines.map((line) => line.closed)).toEqual([1, 0]);
});

test("the last close waits for output, a signal ends that", async () => {
  const bench = await new Bench().serve();
  const one = await bench.open();
  await one.file.write(Buffer.from("out"));
  const close = new Pending(one.file.close());
  expect(await close.waits()).toBe(true);
  expect(bench.line.closed).toBe(0);
  bench.line.sendAll();
  await close.done;
  expect(bench.line.closed).toBe(1);

  const two = await bench.open();
  await two.file.write(Buffer.from("stuck"));
  const signal = new AbortController();
  const interrupted = new Pending(two.file.close({ signal: signal.signal }));
  expect(await interrupted.waits()).toBe(true);
  signal.abort();
  await interrupted.done;
  expect(bench.line.closed).toBe(1);
});

test("the last close waits for 30 s at most, and an open meanwhile waits too", async () => {
  const bench = await new Bench().serve();
  const client = await bench.open();
  await client.file.write(Buffer.from("stuck"));
  const close = new Pending(client.file.close());
  await settle();
  const reopen = new Pending(bench.open());
  bench.clock.advance(29_999);
  expect(await close.waits()).toBe(true);
  expect(await reopen.waits()).toBe(true);
  bench.clock.advance(1);
  await close.done;
  await reopen.done;
  expect(bench.driver.lines.map((line) => line.closed)).toEqual([1, 0]);
});

test("hang-up: read gives 0, write and ioctl EIO, poll everything; who waits is freed", async () => {
  const bench = await new Bench().serve();
  const client = await bench.open();
  await client.change({ c_cflag: 0x1cb2 });
  bench.line.room = 0;
  let woken = 0;
  await client.file.poll(() => woken++);
  const read = client.text(10);
  const write = client.file.write(Buffer.from("x"));
  const drain = client.call("TCSBRK", 1);
  await settle();
  bench.line.host.hangup();
  expect(await read).toBe("");
  await expect(write).rejects.toMatchObject({ code: "EIO" });
  await expect(drain.then(() => "drained")).resolves.toBe("drained");
  expect(woken).toBe(1);
  expect(await client.text(10)).toBe("");
  await expect(client.file.write(Buffer.from("x"))).rejects.toMatchObject({ code: "EIO" });
  await expect(client.termios()).rejects.toMatchObject({ code: "EIO" });
  expect(await client.file.poll()).toBe(POLL.IN | POLL.OUT | POLL.ERR | POLL.HUP | POLL.RDNORM | POLL.WRNORM);
  expect(bench.line.closed).toBe(1);
});

test("after a hang-up the next open gets a new line and fresh settings, and waits until the old line is closed", async () => {
  const bench = await new Bench().serve();
  const dead = await bench.open();
  await dead.change({ c_cflag: 0x1cb2 });
  const closed = new Deferred();
  const old = bench.line;
  old.close = () => closed.promise;
  old.host.hangup();
  const reopen = new Pending(bench.open());
  expect(await reopen.waits()).toBe(true);
  expect(bench.driver.lines).toHaveLength(1);
  closed.resolve();
  const client = await reopen.done;
  expect(await client.termios()).toEqual(RAW_AND_SILENT);
  await dead.file.close();
  old.host.hangup();
  old.host.received(Uint8Array.of(1));
  bench.line.gives("alive");
  expect(await client.text(10)).toBe("alive");
});

test("hardware that goes while it is being opened is ENODEV, and closed", async () => {
  const bench = await new Bench().serve();
  const answer = new Deferred();
  bench.driver.onOpen = async (line) => {
    line.host.hangup();
    await answer.promise;
  };
  const open = new Pending(bench.open());
  await settle();
  answer.resolve();
  await expect(open.done).rejects.toMatchObject({ code: "ENODEV" });
  await settle();
  expect(bench.line.closed).toBe(1);
});

test("what a line gives while it is being opened is not lost", async () => {
  const bench = await new Bench().serve();
  bench.driver.onOpen = (line) => line.gives("early");
  const client = await bench.open();
  bench.line.gives(", late");
  expect(await client.text(20)).toBe("early, late");
});

test("TIOCEXCL keeps others out until the last close", async () => {
  const bench = await new Bench().serve();
  const client = await bench.open();
  await client.call("TIOCEXCL");
  await expect(bench.open()).rejects.toMatchObject({ code: "EBUSY" });
  expect(await client.int("TIOCGEXCL")).toBe(1);
  await client.call("TIOCNXCL");
  await (await bench.open()).file.close();
  await client.call("TIOCEXCL");
  await client.file.close();
  const next = await bench.open();
  expect(await next.int("TIOCGEXCL")).toBe(0);
  await (await bench.open()).file.close();
});

test("the daemon's end closes the line without waiting for output", async () => {
  const bench = await new Bench().serve();
  const client = await bench.open();
  await client.file.write(Buffer.from("stuck"));
  await bench.close();
  expect(bench.line.closed).toBe(1);
});
