// A real serial port below ours, as far as a pty is one: its slave is the port, its master the wire.

import { closeSync } from "node:fs";
import { decode, MemoryKernel, native, POLL, silent } from "@devlift/core";
import { SerialPort } from "serialport";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { portCommands } from "../src/commands.ts";
import { defineSerialPort, type LineHost } from "../src/index.ts";
import { Deferred } from "../src/interruptible.ts";
import { serialPortDriver } from "../src/serialport-line.ts";
import { CFLAG, Termios2 } from "../src/termios.ts";
import { Client } from "./bench.ts";
import { until } from "./machine.ts";

// Above until()'s limit, so that its message is what a failure shows.
vi.setConfig({ testTimeout: 60_000 });

/** The wire's end of a serial port. */
class Wire {
  readonly path: string;
  readonly #master: number;
  #got = "";
  #closed = false;

  constructor() {
    const { master, slavePath } = native.openPty();
    this.#master = master;
    this.path = slavePath;
  }

  get got(): string {
    const buffer = Buffer.alloc(4096);
    for (let count = native.read(this.#master, buffer); count > 0; count = native.read(this.#master, buffer))
      this.#got += buffer.toString("latin1", 0, count);
    return this.#got;
  }

  send(text: string): void {
    expect(native.writev(this.#master, [Buffer.from(text, "latin1")])).toBe(text.length);
  }

  termios(): Termios2 {
    const area = new Uint8Array(64);
    native.ioctl(this.#master, portCommands.TCGETS2.number("lp64"), area);
    return decode(Termios2, "lp64", area);
  }

  close(): void {
    if (!this.#closed) closeSync(this.#master);
    this.#closed = true;
  }
}

class QuietHost implements LineHost {
  received(): void {}
  writable(): void {}
  hangup(): void {}
}

const NOBODY = { nonBlocking: false, signal: new AbortController().signal };

let wire: Wire;
let close: () => Promise<void>;
let open: (flags?: number) => Promise<Client>;

async function serve(path: string): Promise<void> {
  const kernel = new MemoryKernel();
  const { driver, files } = defineSerialPort(serialPortDriver({ name: "cradle", path }));
  const channel = await kernel.open({ driver, files, path: "/dev/cradle", log: silent });
  close = () => channel.close();
  open = async (flags) => new Client(kernel, await kernel.openFile(flags));
}

beforeEach(async () => {
  wire = new Wire();
  await serve(wire.path);
});

afterEach(async () => {
  await close();
  wire.close();
});

test("bytes go through both ways, unchanged", async () => {
  const client = await open();
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, c) => c));
  wire.send(all);
  let got = "";
  while (got.length < all.length) got += await client.text(300);
  expect(got).toBe(all);
  expect(await client.file.write(Buffer.from(all, "latin1"))).toBe(256);
  await client.call("TCSBRK", 1);
  expect(await client.int("TIOCOUTQ")).toBe(0);
  await until("the output", () => wire.got === all);
});

test("a write that is longer than all queues is taken whole, as the wire takes it", async () => {
  const client = await open();
  const long = "0123456789".repeat(5000);
  const write = client.file.write(Buffer.from(long));
  await until("the output", () => wire.got.length === long.length);
  expect(await write).toBe(long.length);
  expect(wire.got).toBe(long);
});

test("settings reach the real port", async () => {
  const client = await open();
  expect(wire.termios()).toMatchObject({ c_iflag: 0, c_oflag: 0, c_lflag: 0, c_ospeed: 9600 });
  await client.change({ c_cflag: 0x1002 | CFLAG.CS8 | CFLAG.CSTOPB | CFLAG.CLOCAL });
  expect(wire.termios()).toMatchObject({ c_ospeed: 115_200 });
  expect(wire.termios().c_cflag & CFLAG.CSTOPB).toBe(CFLAG.CSTOPB);
  await client.change({ c_cflag: 0x1000 | CFLAG.CS8, c_ispeed: 31_250, c_ospeed: 31_250 });
  expect(wire.termios()).toMatchObject({ c_ispeed: 31_250, c_ospeed: 31_250 });
});

test("a port that goes is a hang-up, and one that is not there ENODEV", async () => {
  const client = await open();
  const read = client.text(10);
  wire.close();
  expect(await read).toBe("");
  await expect(client.termios()).rejects.toMatchObject({ code: "EIO" });
  await expect(open()).rejects.toMatchObject({ code: "ENODEV" });
});

test("a port that goes while nobody reads is a hang-up too", async () => {
  const client = await open();
  wire.send("x".repeat(4090));
  await until("a full queue", async () => (await client.int("FIONREAD")) === 4090);
  let woken = false;
  await client.file.poll(() => {
    woken = true;
  });
  wire.close();
  await until("the hang-up", () => woken);
  expect((await client.file.poll()) & POLL.HUP).toBe(POLL.HUP);
});

test("a port that another program has locked is EBUSY; the last close gives it back", async () => {
  const client = await open();
  const other = serialPortDriver({ name: "other", path: wire.path });
  await expect(other.open(new QuietHost(), NOBODY)).rejects.toMatchObject({ code: "EBUSY" });
  await client.file.close();
  await (await other.open(new QuietHost(), NOBODY)).close();
});

test("what is no serial port is ENOTTY", async () => {
  const driver = serialPortDriver({ name: "null", path: "/dev/null" });
  await expect(driver.open(new QuietHost(), NOBODY)).rejects.toMatchObject({ code: "ENOTTY" });
});

test("drains that are given up hold one thread, not one each", async () => {
  const binding = await SerialPort.binding.open({ path: wire.path, baudRate: 9600 });
  const sent = new Deferred();
  let drains = 0;
  vi.spyOn(Object.getPrototypeOf(binding), "drain").mockImplementation(() => {
    drains++;
    return sent.promise;
  });
  await binding.close();
  onTestFinished(() => void vi.restoreAllMocks());
  const line = await serialPortDriver({ name: "other", path: wire.path }).open(new QuietHost(), NOBODY);
  for (let count = 0; count < 5; count++) {
    const stop = new AbortController();
    const draining = line.drain(stop.signal);
    stop.abort();
    await expect(draining).rejects.toMatchObject({ code: "EINTR" });
  }
  expect(drains).toBe(1);
  const patient = line.drain(new AbortController().signal);
  sent.resolve();
  await patient;
  expect(drains).toBe(2);
  await line.close();
});

test("output that the wire does not take does not keep the last close for ever", async () => {
  const client = await open();
  client.file.nonBlocking = true;
  for (let full = false; !full; )
    full = await client.file.write(new Uint8Array(4096)).then(
      () => false,
      () => true,
    );
  const signal = new AbortController();
  const closing = client.file.close({ signal: signal.signal });
  signal.abort();
  await closing;
});
