// Output and the ioctls: pace, drain, flow control, breaks, modem lines, settings that reach hardware, 32-bit callers.

import { POLL, sizeOf } from "@devlift/core";
import { expect, test } from "vitest";
import { SerialIcounter, SerialStruct, TIOCM, Winsize } from "../src/commands.ts";
import { Modem } from "../src/modem.ts";
import { CFLAG, IFLAG, LFLAG, OFLAG, Termio, Termios, Termios2, termioOf } from "../src/termios.ts";
import { Bench, type Client, O_NONBLOCK, O_RDWR, Pending, settle } from "./bench.ts";
import type { FakeLine } from "./fake-line.ts";

async function opened(flags: number = O_RDWR, prepare?: (line: FakeLine) => void) {
  const bench = await new Bench().serve();
  if (prepare !== undefined) bench.driver.onOpen = prepare;
  const client = await bench.open(flags);
  return { bench, client };
}

const text = (value: string) => Buffer.from(value);

test("a blocking write takes everything, at the pace of the hardware", async () => {
  const { bench, client } = await opened();
  bench.line.room = 4;
  const write = new Pending(client.file.write(text("0123456789")));
  expect(await write.waits()).toBe(true);
  expect(await client.int("TIOCOUTQ")).toBe(4);
  bench.line.sendAll(4);
  expect(await write.waits()).toBe(true);
  bench.line.sendAll();
  expect(await write.done).toBe(10);
  expect(bench.line.takeText()).toBe("0123456789");
});

test("a non-blocking write takes what fits, then EAGAIN; poll says when there is room", async () => {
  const { bench, client } = await opened(O_RDWR | O_NONBLOCK);
  bench.line.room = 4;
  expect(await client.file.write(text("0123456789"))).toBe(4);
  await expect(client.file.write(text("456789"))).rejects.toMatchObject({ code: "EAGAIN" });
  let woken = 0;
  expect((await client.file.poll(() => woken++)) & POLL.OUT).toBe(0);
  bench.line.sendAll();
  expect(woken).toBe(1);
  expect((await client.file.poll()) & POLL.OUT).toBe(POLL.OUT);
});

test("a signal in the middle of a write gives the count so far", async () => {
  const { bench, client } = await opened();
  bench.line.room = 4;
  const signal = new AbortController();
  const write = new Pending(client.file.write(text("0123456789"), { signal: signal.signal }));
  expect(await write.waits()).toBe(true);
  signal.abort();
  expect(await write.done).toBe(4);
});

test("processed output goes out whole, however little the line takes at a time", async () => {
  const { bench, client } = await opened();
  await client.change({ c_oflag: OFLAG.OPOST | OFLAG.ONLCR | OFLAG.XTABS });
  bench.line.room = 1;
  const write = new Pending(client.file.write(text("a\tb\nc")));
  for (let times = 0; times < 20; times++) {
    await settle();
    bench.line.sendAll(1);
  }
  expect(await write.done).toBe(5);
  expect(bench.line.takeText()).toBe("a       b\r\nc");
  await client.call("TCSBRK", 1);
});

test("tcdrain and TCSETSW wait for the hardware, TCSETS does not; TCSETSF throws input away", async () => {
  const { bench, client } = await opened();
  await client.file.write(text("out"));
  bench.line.gives("in");
  const drain = new Pending(client.call("TCSBRK", 1));
  const later = new Pending(client.change({ c_lflag: LFLAG.ICANON }, "TCSETSW2"));
  const flush = new Pending(client.change({ c_lflag: 0 }, "TCSETSF2"));
  expect(await drain.waits()).toBe(true);
  expect(await later.waits()).toBe(true);
  expect((await client.termios()).c_lflag).toBe(0);
  await client.change({ c_iflag: IFLAG.IGNPAR });
  bench.line.sendAll();
  await Promise.all([drain.done, later.done, flush.done]);
  expect(await client.int("FIONREAD")).toBe(0);
});

test("tcdrain waits for output that is processed and not yet taken, also while it is held up", async () => {
  const { bench, client } = await opened();
  await client.change({ c_oflag: OFLAG.OPOST | OFLAG.XTABS });
  bench.line.room = 2;
  expect(await client.file.write(text("\t"))).toBe(1);
  expect(await client.int("TIOCOUTQ")).toBe(8);
  await client.call("TCXONC", 0);
  bench.line.sendAll();
  const drain = new Pending(client.call("TCSBRK", 1));
  expect(await drain.waits()).toBe(true);
  await client.call("TCXONC", 1);
  expect(await drain.waits()).toBe(true);
  bench.line.sendAll();
  await drain.done;
  expect(bench.line.takeText()).toBe("        ");
});

test("an interrupted TCSETSW changes nothing", async () => {
  const { bench, client } = await opened();
  await client.file.write(text("out"));
  const signal = new AbortController();
  const set = new Pending(client.change({ c_lflag: LFLAG.ICANON }, "TCSETSW2", signal.signal));
  expect(await set.waits()).toBe(true);
  signal.abort();
  await expect(set.done).rejects.toMatchObject({ code: "EINTR" });
  bench.line.sendAll();
  await settle();
  expect((await client.termios()).c_lflag).toBe(0);
});

test("TCOOFF and a STOP character hold output, TCOON and START let it go", async () => {
  const { bench, client } = await opened(O_RDWR | O_NONBLOCK);
  await client.change({ c_iflag: IFLAG.IXON });
  bench.line.gives("\x13");
  await expect(client.file.write(text("x"))).rejects.toMatchObject({ code: "EAGAIN" });
  expect((await client.file.poll()) & POLL.OUT).toBe(0);
  bench.line.gives("\x11");
  expect(await client.file.write(text("x"))).toBe(1);
  await client.call("TCXONC", 0);
  bench.line.gives("\x11");
  await expect(client.file.write(text("y"))).rejects.toMatchObject({ code: "EAGAIN" });
  await client.call("TCXONC", 2);
  await client.call("TCXONC", 3);
  await client.call("TCXONC", 1);
  expect(await client.file.write(text("y"))).toBe(1);
  expect(bench.line.takeText()).toBe("x\x13\x11y");
  await expect(client.call("TCXONC", 4)).rejects.toMatchObject({ code: "EINVAL" });
});

test("IXOFF tells the other side to stop when the queue is full, and to go on", async () => {
  const { bench, client } = await opened();
  await client.change({ c_iflag: IFLAG.IXOFF });
  bench.line.host.received(new Uint8Array(5000));
  expect(bench.line.takeText()).toBe("\x13");
  await client.file.read(4096);
  await client.file.read(4096);
  expect(bench.line.takeText()).toBe("\x11");
});

test("TCOFLUSH drops output that is not sent", async () => {
  const { bench, client } = await opened();
  await client.file.write(text("out"));
  await client.call("TCFLSH", 1);
  expect(bench.line.discarded).toBe(1);
  expect(await client.int("TIOCOUTQ")).toBe(0);
});

test("settings reach the hardware, and read back as set", async () => {
  const seen: unknown[] = [];
  const { client } = await opened(O_RDWR, (line) => {
    line.configure = (settings) => void seen.push(settings);
  });
  const parity = CFLAG.PARENB | CFLAG.PARODD;
  const c_cflag = (0x1000 | CFLAG.CS7 | CFLAG.CSTOPB | parity | CFLAG.CRTSCTS) >>> 0;
  await client.change({ c_cflag, c_ispeed: 12345, c_ospeed: 12345 });
  const first = { inputSpeed: 9600, outputSpeed: 9600, dataBits: 8, stopBits: 1, parity: "none", hardwareFlow: false };
  const set = { inputSpeed: 12345, outputSpeed: 12345, dataBits: 7, stopBits: 2, parity: "odd", hardwareFlow: true };
  expect(seen).toEqual([first, set]);
  expect(await client.termios()).toMatchObject({ c_cflag, c_ispeed: 12345, c_ospeed: 12345 });
});

test("hardware that refuses keeps its settings, and the rest is set", async () => {
  const { client } = await opened(O_RDWR, (line) => {
    line.configure = async ({ outputSpeed }) => {
      if (outputSpeed !== 9600) throw new RangeError("too fast");
    };
  });
  await client.change({ c_cflag: 0x1002 | CFLAG.CS8, c_lflag: LFLAG.ICANON });
  expect(await client.termios()).toMatchObject({ c_ospeed: 9600, c_lflag: LFLAG.ICANON, c_cflag: 0xd | CFLAG.CS8 });
});

test("termio keeps the high halves and the later characters", async () => {
  const { client } = await opened();
  await client.change({ c_lflag: LFLAG.EXTPROC, cc: { VSTART: 1 } });
  const termio = termioOf(await client.termios());
  await client.set("TCSETA", Termio, { ...termio, c_lflag: LFLAG.ECHO, c_cc: new Uint8Array(8).fill(9) });
  const { c_lflag, c_cc } = await client.termios();
  expect(c_lflag).toBe(LFLAG.EXTPROC | LFLAG.ECHO);
  expect([...c_cc.subarray(0, 9)]).toEqual([9, 9, 9, 9, 9, 9, 9, 9, 1]);
});

test("a break is timed where the line can only begin and end it, and ENOTTY where it cannot at all", async () => {
  const { bench, client } = await opened(O_RDWR, (line) => {
    line.setBreak = (on) => void line.breaks.push(on);
  });
  const short = new Pending(client.call("TCSBRK", 0));
  await settle();
  bench.clock.advance(249);
  expect(await short.waits()).toBe(true);
  bench.clock.advance(1);
  await short.done;
  const long = new Pending(client.call("TCSBRKP", 5));
  await settle();
  bench.clock.advance(500);
  await long.done;
  await client.call("TIOCSBRK");
  await client.call("TIOCCBRK");
  expect(bench.line.breaks).toEqual([true, false, true, false, true, false]);
  const { client: plain } = await opened();
  for (const name of ["TCSBRK", "TCSBRKP", "TIOCSBRK", "TIOCCBRK"] as const)
    await expect(plain.call(name)).rejects.toMatchObject({ code: "ENOTTY" });
  await plain.call("TCSBRK", 1);
});

test("without modem lines their calls are ENOTTY, and so is job control", async () => {
  const { bench, client } = await opened();
  for (const name of ["TIOCMGET", "TIOCMSET", "TIOCMBIS", "TIOCMBIC", "TIOCGICOUNT"] as const)
    await expect(client.int(name)).rejects.toMatchObject({ code: "ENOTTY" });
  await expect(client.call("TIOCMIWAIT", TIOCM.TIOCM_CTS)).rejects.toMatchObject({ code: "ENOTTY" });
  const area = bench.kernel.memory.map(new Uint8Array(4));
  for (const number of [0x540e, 0x540f, 0x5410, 0x5412, 0x5422, 0x5429])
    await expect(client.file.ioctl(number, area)).rejects.toMatchObject({ code: "ENOTTY" });
});

/** A line with modem lines that the test moves. */
async function withModem(flags: number = O_RDWR) {
  const modem = { bits: TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR };
  const bench = await new Bench().serve();
  bench.driver.onOpen = (line) => {
    line.modem = {
      get: () => modem.bits,
      update: async (set, clear) => {
        modem.bits = (modem.bits | set) & ~clear;
      },
    };
  };
  const client: Client = await bench.open(flags);
  const move = async (bits: number) => {
    modem.bits = bits;
    bench.line.host.modemChanged?.();
    await settle();
  };
  return { bench, client, modem, move };
}

test("modem lines: raised at open, set by programs, dropped at the last close", async () => {
  const { client, modem } = await withModem();
  expect(await client.int("TIOCMGET")).toBe(TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR | TIOCM.TIOCM_DTR | TIOCM.TIOCM_RTS);
  await client.setInt("TIOCMBIC", TIOCM.TIOCM_RTS | TIOCM.TIOCM_CTS);
  expect(modem.bits).toBe(TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR | TIOCM.TIOCM_DTR);
  await client.setInt("TIOCMSET", TIOCM.TIOCM_RTS);
  expect(modem.bits).toBe(TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR | TIOCM.TIOCM_RTS);
  await client.change({ c_cflag: CFLAG.CS8 | CFLAG.HUPCL | CFLAG.CLOCAL });
  expect(modem.bits).toBe(TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR);
  await client.change({ c_cflag: 0xd | CFLAG.CS8 | CFLAG.HUPCL | CFLAG.CLOCAL });
  expect(modem.bits).toBe(TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR | TIOCM.TIOCM_DTR | TIOCM.TIOCM_RTS);
  await client.file.close();
  expect(modem.bits).toBe(TIOCM.TIOCM_CTS | TIOCM.TIOCM_CAR);
});

test("TIOCMIWAIT waits for the lines that are asked for, TIOCGICOUNT counts all", async () => {
  const { client, move } = await withModem();
  const wait = new Pending(client.call("TIOCMIWAIT", TIOCM.TIOCM_DSR | TIOCM.TIOCM_RNG));
  await settle();
  await move(TIOCM.TIOCM_CAR);
  await move(TIOCM.TIOCM_CAR | TIOCM.TIOCM_RNG);
  expect(await wait.waits()).toBe(true);
  await move(TIOCM.TIOCM_CAR);
  await wait.done;
  expect(await client.get("TIOCGICOUNT", SerialIcounter)).toMatchObject({ cts: 1, dsr: 0, rng: 1, dcd: 0, rx: 0 });
  const signal = new AbortController();
  const interrupted = new Pending(client.call("TIOCMIWAIT", TIOCM.TIOCM_CTS, signal.signal));
  await settle();
  signal.abort();
  await expect(interrupted.done).rejects.toMatchObject({ code: "EINTR" });
});

test("without CLOCAL an open waits for a carrier, and its loss hangs up", async () => {
  const { bench, client, move, modem } = await withModem();
  await client.change({ c_cflag: 0xd | CFLAG.CS8 });
  await client.file.close();
  modem.bits = 0;
  const open = new Pending(bench.open());
  expect(await open.waits()).toBe(true);
  const impatient = await bench.open(O_RDWR | O_NONBLOCK);
  await move(TIOCM.TIOCM_CAR);
  const patient = await open.done;
  const read = patient.text(10);
  await move(0);
  expect(await read).toBe("");
  await expect(impatient.termios()).rejects.toMatchObject({ code: "EIO" });
  expect(bench.line.closed).toBe(1);
  expect(await (await bench.open(O_RDWR | O_NONBLOCK)).termios()).toMatchObject({ c_cflag: 0xd | CFLAG.CS8 });
});

test("a carrier that comes while the lines are being read is not missed", async () => {
  const lines = { get: () => reading, update: () => undefined };
  let answer = (_bits: number): void => undefined;
  let reading = Promise.resolve(0);
  const modem = new Modem(lines, () => undefined);
  await modem.start();
  reading = new Promise((resolve) => {
    answer = resolve;
  });
  const carrier = new Pending(modem.carrier(new AbortController().signal));
  expect(await carrier.waits()).toBe(true);
  reading = Promise.resolve(TIOCM.TIOCM_CAR);
  await modem.refresh();
  answer(0);
  expect(await carrier.waits()).toBe(false);
});

test("window size, line discipline, soft carrier, serial settings", async () => {
  const { client } = await opened();
  const size = { ws_row: 24, ws_col: 80, ws_xpixel: 1, ws_ypixel: 2 };
  await client.set("TIOCSWINSZ", Winsize, size);
  expect(await client.get("TIOCGWINSZ", Winsize)).toEqual(size);
  expect(await client.int("TIOCGETD")).toBe(0);
  await client.setInt("TIOCSETD", 0);
  await expect(client.setInt("TIOCSETD", 3)).rejects.toMatchObject({ code: "EINVAL" });
  await client.setInt("TIOCSSOFTCAR", 0);
  expect((await client.termios()).c_cflag & CFLAG.CLOCAL).toBe(0);
  expect(await client.int("TIOCGSOFTCAR")).toBe(0);
  const serial = await client.get("TIOCGSERIAL", SerialStruct);
  expect(serial).toMatchObject({ close_delay: 50, closing_wait: 3000, type: 0, irq: 0 });
  await client.set("TIOCSSERIAL", SerialStruct, serial);
  await expect(client.set("TIOCSSERIAL", SerialStruct, { ...serial, closing_wait: 1 })).rejects.toMatchObject({
    code: "EPERM",
  });
});

test("structures have the kernel's sizes, and 32-bit programs get theirs", async () => {
  expect([Termios, Termios2, Termio, Winsize, SerialIcounter].map((schema) => sizeOf(schema, "lp64"))).toEqual([
    36, 44, 18, 8, 80,
  ]);
  expect(sizeOf(SerialStruct, "lp64")).toBe(72);
  expect(sizeOf(SerialStruct, "ilp32")).toBe(60);
  const { client } = await opened();
  expect(await client.get("TCGETS2", Termios2, "ilp32")).toEqual(await client.termios());
  expect(await client.get("TIOCGSERIAL", SerialStruct, "ilp32")).toMatchObject({ closing_wait: 3000 });
});
