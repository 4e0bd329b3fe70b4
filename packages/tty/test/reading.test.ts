// When a read returns, and with what: VMIN and VTIME as in n_tty_read(), O_NONBLOCK, poll, signals, and the queue.

import { POLL } from "@devlift/core";
import { expect, test, vi } from "vitest";
import { CFLAG, LFLAG } from "../src/termios.ts";
import { Bench, type Client, O_NONBLOCK, O_RDWR, Pending, settle } from "./bench.ts";
import { noise } from "./fake-line.ts";

// Some carry a lot; on a slow machine that takes longer than the runner's 5 s.
vi.setConfig({ testTimeout: 60_000 });

async function opened(min: number, time: number, flags: number = O_RDWR): Promise<{ bench: Bench; client: Client }> {
  const bench = await new Bench().serve();
  const client = await bench.open(flags);
  await client.change({ cc: { VMIN: min, VTIME: time } });
  return { bench, client };
}

test("raw and silent from open: nothing is echoed, a byte can be read at once", async () => {
  const bench = await new Bench().serve();
  const client = await bench.open();
  const termios = await client.termios();
  const c_cflag = 0xd | CFLAG.CS8 | CFLAG.CREAD | CFLAG.HUPCL | CFLAG.CLOCAL;
  expect(termios).toMatchObject({ c_iflag: 0, c_oflag: 0, c_cflag, c_lflag: 0, c_ispeed: 9600, c_ospeed: 9600 });
  bench.line.gives("\r\n\x03\x11");
  expect(await client.text(10)).toBe("\r\n\x03\x11");
  expect(bench.line.takeText()).toBe("");
});

test("VMIN without VTIME waits for VMIN bytes, or for as many as are asked for", async () => {
  const { bench, client } = await opened(5, 0);
  const five = new Pending(client.text(10));
  bench.line.gives("abc");
  expect(await five.waits()).toBe(true);
  bench.line.gives("de");
  expect(await five.done).toBe("abcde");
  const two = new Pending(client.text(2));
  bench.line.gives("f");
  expect(await two.waits()).toBe(true);
  bench.line.gives("gh");
  expect(await two.done).toBe("fg");
});

test("VTIME without VMIN waits that long for the first byte", async () => {
  const { bench, client } = await opened(0, 5);
  const none = new Pending(client.text(10));
  await settle();
  bench.clock.advance(499);
  expect(await none.waits()).toBe(true);
  bench.clock.advance(1);
  expect(await none.done).toBe("");
  const some = new Pending(client.text(10));
  await settle();
  bench.clock.advance(400);
  bench.line.gives("x");
  expect(await some.done).toBe("x");
  expect(bench.clock.pending).toBe(0);
});

test("VMIN and VTIME: the first byte may take for ever, each further one VTIME", async () => {
  const { bench, client } = await opened(5, 2);
  const read = new Pending(client.text(10));
  await settle();
  bench.clock.advance(100_000);
  expect(await read.waits()).toBe(true);
  bench.line.gives("a");
  await settle();
  bench.clock.advance(150);
  bench.line.gives("b");
  await settle();
  bench.clock.advance(199);
  expect(await read.waits()).toBe(true);
  bench.clock.advance(1);
  expect(await read.done).toBe("ab");
});

test("VMIN and VTIME: for bytes that are there already, the time begins with the read", async () => {
  const { bench, client } = await opened(5, 2);
  bench.line.gives("a");
  bench.clock.advance(10_000);
  const read = new Pending(client.text(10));
  await settle();
  bench.clock.advance(199);
  expect(await read.waits()).toBe(true);
  bench.clock.advance(1);
  expect(await read.done).toBe("a");
});

test("VMIN 0 and VTIME 0 never wait", async () => {
  const { bench, client } = await opened(0, 0);
  expect(await client.text(10)).toBe("");
  bench.line.gives("x");
  expect(await client.text(10)).toBe("x");
});

test("O_NONBLOCK gives what there is, whatever VMIN says, and counts for each call", async () => {
  const { bench, client } = await opened(5, 0, O_RDWR | O_NONBLOCK);
  await expect(client.text(10)).rejects.toMatchObject({ code: "EAGAIN" });
  bench.line.gives("abc");
  expect(await client.text(2)).toBe("ab");
  expect(await client.text(10)).toBe("c");
  client.file.nonBlocking = false;
  const read = new Pending(client.text(10));
  expect(await read.waits()).toBe(true);
  bench.line.gives("hello");
  expect(await read.done).toBe("hello");
});

test("a signal ends a read; what was there for it stays", async () => {
  const { bench, client } = await opened(5, 0);
  const signal = new AbortController();
  const read = new Pending(client.text(10, signal.signal));
  bench.line.gives("abc");
  expect(await read.waits()).toBe(true);
  signal.abort();
  await expect(read.done).rejects.toMatchObject({ code: "EINTR" });
  expect(await client.int("FIONREAD")).toBe(3);
  bench.line.gives("de");
  expect(await client.text(10)).toBe("abcde");
});

test("poll says IN at VMIN bytes, at one with VTIME, at a line in canonical mode", async () => {
  const { bench, client } = await opened(3, 0);
  let woken = 0;
  const readable = async () => ((await client.file.poll(() => woken++)) & POLL.IN) !== 0;
  expect(await readable()).toBe(false);
  bench.line.gives("ab");
  expect(woken).toBe(1);
  expect(await readable()).toBe(false);
  bench.line.gives("c");
  expect(woken).toBe(2);
  expect(await readable()).toBe(true);
  await client.text(2);
  expect(await readable()).toBe(false);
  await client.change({ cc: { VTIME: 1 } });
  expect(await readable()).toBe(true);
  await client.change({ c_lflag: LFLAG.ICANON }, "TCSETSF2");
  bench.line.gives("line");
  expect(await readable()).toBe(false);
  bench.line.gives("\n");
  expect(await readable()).toBe(true);
});

test("a canonical read waits for a line, and another setting lets it go", async () => {
  const { bench, client } = await opened(1, 0);
  await client.change({ c_lflag: LFLAG.ICANON });
  const line = new Pending(client.text(100));
  bench.line.gives("not yet");
  expect(await line.waits()).toBe(true);
  const other = await bench.open();
  await other.change({ c_lflag: 0 });
  expect(await line.done).toBe("not yet");
});

test("no byte is lost between a line that stops when told and a slow reader", async () => {
  const { bench, client } = await opened(1, 0);
  const sent = noise(100_000);
  const got: number[] = [];
  for (let at = 0; at < sent.length || (await client.int("FIONREAD")) > 0; ) {
    while (at < sent.length && bench.line.throttles.at(-1) !== true) {
      bench.line.host.received(sent.subarray(at, at + 700));
      at += 700;
    }
    got.push(...(await client.file.read(613)));
  }
  expect(Uint8Array.from(got)).toEqual(sent);
  expect(bench.line.throttles.length).toBeGreaterThan(20);
  expect(bench.line.throttles.at(-1)).toBe(false);
});

test.each([
  { least: 255, time: 0 },
  { least: 200, time: 2 },
])(
  "a reader of many bytes (VMIN $least, VTIME $time) gets them from a line that heeds the brake",
  async ({ least, time }) => {
    const { bench, client } = await opened(least, time);
    const feed = () => {
      while (bench.line.throttles.at(-1) !== true) bench.line.host.received(new Uint8Array(64));
    };
    feed();
    for (let got = 0; got < 10_000; got += least) {
      const read = new Pending(client.file.read(least));
      if (await read.waits()) feed();
      expect(await read.waits()).toBe(false);
      expect(await read.done).toHaveLength(least);
    }
  },
);

test("a line that does not stop is kept waiting up to a limit, and what fits is in order", async () => {
  const { bench, client } = await opened(1, 0);
  const sent = noise(1_200_000);
  for (let at = 0; at < sent.length; at += 60_000) bench.line.host.received(sent.subarray(at, at + 60_000));
  const got: Uint8Array[] = [];
  while ((await client.int("FIONREAD")) > 0) got.push(await client.file.read(1000));
  // Ten chunks, of which 4095 bytes are in the queue; the eleventh would be more than 640 KiB.
  expect(Buffer.concat(got).equals(sent.subarray(0, 600_000))).toBe(true);
  bench.line.gives("still alive");
  expect(await client.text(100)).toBe("still alive");
});

test("TCFLSH throws input away, and lets the line go on", async () => {
  const { bench, client } = await opened(1, 0);
  bench.line.host.received(new Uint8Array(5000));
  expect(bench.line.throttles).toEqual([true]);
  await client.call("TCFLSH", 0);
  expect(await client.int("FIONREAD")).toBe(0);
  expect(bench.line.throttles).toEqual([true, false]);
  bench.line.gives("new");
  expect(await client.text(100)).toBe("new");
  await expect(client.call("TCFLSH", 3)).rejects.toMatchObject({ code: "EINVAL" });
});
