// The driver on the kernel in memory, with a printer on the fake bus: what depends on the printer's times and faults.

import { DeviceError, type Logger, MemoryKernel, POLL, serve, silent } from "@devlift/core";
import { FakeUsbHost, STALL } from "@devlift/usb/virtual";
import { describe, expect, test } from "vitest";
import { Printers } from "../src/printers.ts";
import { OFF_LINE, OUT_OF_PAPER, type PrinterParts, READY, ScriptedPrinter } from "./scripted-printer.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const GET_DEVICE_ID = (length: number) => (0x8000_5001 | (length << 16)) >>> 0;
const GET_PROTOCOLS = 0x8008_5002;
const SET_PROTOCOL = 0x4000_5003;
const HP_SET_CHANNEL = 0x4000_5004;
const GET_VID_PID = 0x8008_5006;
const SOFT_RESET = 0x5007;
const LPABORT = 0x0604;
const LPGETSTATUS = 0x060b;

interface BenchOptions extends PrinterParts {
  readonly log?: Logger;
  readonly prodMs?: number;
}

/** A printer that is plugged in, and its device file on a kernel in memory. */
async function bench({ log = silent, prodMs = 60_000, ...parts }: BenchOptions = {}) {
  const bus = new FakeUsbHost();
  const printer = new ScriptedPrinter(parts);
  await bus.plug("1-1", printer, { kernelDriver: "usblp" });
  const kernels = new Map<string, MemoryKernel>();
  const printers = new Printers({
    host: bus,
    log,
    prodMs,
    async serve(device) {
      const kernel = new MemoryKernel();
      kernels.set(device.name, kernel);
      const channel = await serve(device, { channel: kernel, log });
      void channel.ended.then(() => kernels.delete(device.name));
      return channel;
    },
  });
  await printers.start();
  const kernel = kernels.get("usb/lp0") ?? new MemoryKernel();
  return { bus, printer, printers, kernels, kernel };
}

type Kernel = Awaited<ReturnType<typeof bench>>["kernel"];
type File = Awaited<ReturnType<Kernel["openFile"]>>;

/** An ioctl with memory of its own. */
async function ioctl(kernel: Kernel, file: File, command: number, length: number): Promise<Buffer> {
  const memory = Buffer.alloc(length);
  await file.ioctl(command, kernel.memory.map(memory));
  return memory;
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error: unknown) => (error instanceof DeviceError ? error.code : error),
  );

describe("writing", () => {
  test("what is printed arrives whole, in blocks of 8192", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    const page = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) & 0xff));
    expect(await file.write(page)).toBe(300_000);
    expect(printer.printed.equals(page)).toBe(true);
  });

  test("a non-blocking writer gives one block, and EAGAIN while the printer has it not", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile(O_RDWR | O_NONBLOCK);
    const open = printer.hold();
    expect(await file.write(new Uint8Array(20_000))).toBe(8192);
    expect(await codeOf(file.write(Uint8Array.of(1)))).toBe("EAGAIN");
    const writable = new Promise<void>((resolve) => void file.poll(resolve).then((now) => expect(now).toBe(0)));
    open();
    await writable;
    expect(await file.poll()).toBe(POLL.OUT | POLL.WRNORM);
  });

  test("a signal ends a write with what the printer has, and what is on its way still arrives, once", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    const open = printer.hold(1);
    const signal = new AbortController();
    const writing = file.write(Buffer.alloc(8192 + 5, "a"), { signal: signal.signal });
    await printer.told(8192);
    // The second block is on its way by then.
    await new Promise((resolve) => setImmediate(resolve));
    signal.abort();
    expect(await writing).toBe(8192);
    const next = file.write(Buffer.from("b"));
    open();
    expect(await next).toBe(1);
    expect(printer.printed.subarray(8192).toString()).toBe("aaaaab");
  });

  test("two writers take turns", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    await Promise.all([file.write(Buffer.alloc(20_000, "a")), file.write(Buffer.alloc(20_000, "b"))]);
    expect(printer.printed.toString()).toBe("a".repeat(20_000) + "b".repeat(20_000));
  });

  test("a printer that stalls is EIO, and prints again", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    printer.refuses = true;
    expect(await codeOf(file.write(Buffer.from("x")))).toBe("EIO");
    printer.refuses = false;
    expect(await file.write(Buffer.from("y"))).toBe(1);
    expect(printer.printed.toString()).toBe("y");
  });

  test("one that takes nothing is asked for its status; without paper a write gives up after LPABORT", async () => {
    const { printer, kernel } = await bench({ prodMs: 5 });
    const file = await kernel.openFile();
    const open = printer.hold();
    printer.status = OFF_LINE;
    const writing = file.write(Buffer.alloc(10_000, "a"));
    await printer.wasAsked("a1 1 v0 i0");
    printer.status = OUT_OF_PAPER;
    await file.ioctl(LPABORT, 1n);
    // The block that is on its way counts.
    expect(await writing).toBe(8192);
    expect(await file.poll()).toBe(POLL.OUT | POLL.WRNORM);
    expect(await codeOf(file.write(Buffer.from("b")))).toBe("ENOSPC");
    printer.status = READY;
    open();
    expect(await file.write(Buffer.from("b"))).toBe(1);
  });
});

describe("reading", () => {
  test("what the printer says, packet by packet; an empty packet reads as 0 bytes", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    const reading = file.read(100);
    printer.push("hello");
    expect(Buffer.from(await reading).toString()).toBe("hello");
    printer.push("ab");
    printer.push("");
    printer.push("c");
    const texts: string[] = [];
    for (const length of [1, 100, 100, 100]) texts.push(Buffer.from(await file.read(length)).toString());
    expect(texts).toEqual(["a", "b", "", "c"]);
  });

  test("nothing is read from one that is unidirectional, or loses data when it is read", async () => {
    for (const parts of [{ protocols: [1] }, { vendorId: 0x03f0, productId: 0x0004 }]) {
      const { kernel } = await bench(parts);
      const file = await kernel.openFile();
      expect(await codeOf(file.read(1))).toBe("EINVAL");
      expect(await file.poll()).toBe(POLL.OUT | POLL.WRNORM);
    }
  });
});

describe("ioctls", () => {
  test("the device ID, cut to the buffer; an answer that lies about its length harms nobody", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    const id = await ioctl(kernel, file, GET_DEVICE_ID(1024), 1024);
    expect(id.subarray(2, id.readUInt16BE(0)).toString()).toBe("MFG:Devlift;MDL:Scripted;CLS:PRINTER;");
    expect((await ioctl(kernel, file, GET_DEVICE_ID(6), 8)).toString("hex")).toBe("00274d46473a0000");
    printer.id = Uint8Array.of(0xff, 0xff, 0x41);
    expect((await ioctl(kernel, file, GET_DEVICE_ID(4096), 4096)).subarray(0, 4).toString("hex")).toBe("ffff4100");
    printer.id = new Uint8Array(0);
    expect((await ioctl(kernel, file, GET_DEVICE_ID(4), 4)).toString("hex")).toBe("00000000");
  });

  test("protocols are alternate settings: 2 is taken first, and another one on request", async () => {
    const { printer, kernel } = await bench({ protocols: [3, 1, 2, 4] });
    const file = await kernel.openFile();
    expect((await ioctl(kernel, file, GET_PROTOCOLS, 8)).toString("hex")).toBe("020000000e000000");
    await file.ioctl(SET_PROTOCOL, 1n);
    expect((await ioctl(kernel, file, GET_PROTOCOLS, 8)).toString("hex")).toBe("010000000e000000");
    expect(await codeOf(file.read(1))).toBe("EINVAL");
    await ioctl(kernel, file, GET_DEVICE_ID(4), 4);
    expect(printer.asked.at(-1)).toBe("a1 0 v0 i1");
    expect(await codeOf(file.ioctl(SET_PROTOCOL, 4n))).toBe("EINVAL");
    expect(printer.settings).toEqual([2, 1]);
    expect(await file.write(Buffer.from("x"))).toBe(1);
  });

  test("a change of protocol ends what is under way: the next read is EIO, as the kernel's is", async () => {
    const { printer, kernel } = await bench();
    const file = await kernel.openFile();
    await file.ioctl(SET_PROTOCOL, 2n);
    expect(await codeOf(file.read(1))).toBe("EIO");
    printer.push("x");
    expect(Buffer.from(await file.read(1)).toString()).toBe("x");
  });

  test("status, reset, ids, and HP's channels for HP's printers", async () => {
    const { printer, kernel } = await bench({ vendorId: 0x03f0, productId: 0x1234 });
    const file = await kernel.openFile();
    expect((await ioctl(kernel, file, LPGETSTATUS, 4)).readInt32LE()).toBe(READY);
    expect((await ioctl(kernel, file, GET_VID_PID, 8)).toString("hex")).toBe("f003000034120000");
    await file.ioctl(SOFT_RESET, 0n);
    await file.ioctl(HP_SET_CHANNEL, 7n);
    expect(printer.asked.slice(-2)).toEqual(["23 2 v0 i0", "c1 0 v7 i0"]);
    printer.status = STALL;
    expect(await codeOf(ioctl(kernel, file, LPGETSTATUS, 4))).toBe("EIO");
    expect(await codeOf(ioctl(kernel, file, 0x8004_5002, 4))).toBe("EINVAL");
    const other = await bench();
    expect(await codeOf((await other.kernel.openFile()).ioctl(HP_SET_CHANNEL, 7n))).toBe("EINVAL");
  });
});

describe("plug and unplug", () => {
  test("a second open is EBUSY, and the printer is ours until it goes", async () => {
    const { bus, kernel, kernels, printers } = await bench();
    const file = await kernel.openFile();
    expect(await codeOf(kernel.openFile())).toBe("EBUSY");
    await file.close();
    await (await kernel.openFile()).close();
    expect(bus.claimed("1-1")).toEqual([0]);
    await printers.close();
    expect([kernels.size, bus.claimed("1-1")]).toEqual([0, []]);
  });

  test("who has it open gets ENODEV, and the device goes with the last close", async () => {
    const { bus, printer, kernel, kernels } = await bench();
    const file = await kernel.openFile();
    printer.hold();
    const calls = [codeOf(file.read(1)), codeOf(file.write(Buffer.from("x")))];
    bus.unplug("1-1");
    expect(await Promise.all(calls)).toEqual(["ENODEV", "ENODEV"]);
    expect(await file.poll()).toBe(POLL.HUP | POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM);
    expect(await codeOf(ioctl(kernel, file, LPGETSTATUS, 4))).toBe("ENODEV");
    expect(await codeOf(file.ioctl(SET_PROTOCOL, 2n))).toBe("ENODEV");
    expect(await codeOf(kernel.openFile())).toBe("ENODEV");
    await file.close();
    while (kernels.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test("each printer has the lowest number that is free", async () => {
    const { bus, kernels } = await bench();
    const served = async (...names: readonly string[]) => {
      while ([...kernels.keys()].sort().join() !== names.join()) await new Promise((resolve) => setImmediate(resolve));
    };
    await bus.plug("1-2", new ScriptedPrinter());
    await served("usb/lp0", "usb/lp1");
    bus.unplug("1-1");
    await served("usb/lp1");
    await bus.plug("1-3", new ScriptedPrinter());
    await served("usb/lp0", "usb/lp1");
  });

  test("what is no printer, or speaks IPP alone, or lacks endpoints, is left alone", async () => {
    const { bus, kernels } = await bench({ protocols: [4] });
    expect([kernels.size, bus.claimed("1-1")]).toEqual([0, []]);
  });
});
