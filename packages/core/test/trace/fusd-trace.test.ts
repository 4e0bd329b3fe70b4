// A session of /dev/fusd looked at: the lines are those of the other channels.

import { expect, test } from "vitest";
import {
  bytes as bytesOf,
  command,
  defineDevice,
  flagged,
  ptr,
  silent,
  struct,
  u16,
  wouldBlock,
} from "../../src/index.ts";
import { Tap } from "../../src/session/monitor.ts";
import { lineText, Tracer } from "../../src/trace/tracer.ts";
import { FakeClock } from "../fake-clock.ts";
import { FusdKernel } from "../session/fusd-kernel.ts";
import { bytes, errno, settled } from "../session/harness.ts";

const Message = struct({ out: u16, len: u16, buf: ptr(bytesOf("len", { max: 9 }), flagged("out", 1, "out", "in")) });
const Ruled = struct({ len: u16, buf: ptr(bytesOf(({ len }: { len: number }) => len, { max: 9 })) });

test("requests, answers, an interrupt, rounds, and what wants no answer", async () => {
  const device = defineDevice({
    name: "seen",
    read: ({ length }) => (length === 1 ? wouldBlock : bytes("abc").subarray(0, length)),
    write: ({ data }) => data.length,
    poll: () => 0,
    commands: { GET: command(0x11, Message), RULED: command(0x12, Ruled) },
    ioctl: {
      GET({ arg }) {
        arg.buf.set([1, 2]);
        return 5;
      },
      RULED: () => 6,
    },
  });
  const [clock, tap, lines]: [FakeClock, Tap, string[]] = [new FakeClock(), new Tap(), []];
  const { driver, files } = device;
  const write = (line: Parameters<typeof lineText>[0]) => lines.push(lineText(line) ?? "round");
  tap.add(new Tracer({ device: "seen", commands: driver.commands ?? {}, clock, write }));
  const kernel = new FusdKernel({ clock });
  const channel = await kernel.open({ driver, files, path: "/dev/seen", log: silent, tap });
  const file = await kernel.openFile();
  await file.read(9);
  await file.write(bytes("x"));
  device.readable();
  const signal = new AbortController();
  const reading = errno(file.read(1, { signal: signal.signal }));
  signal.abort();
  expect(await reading).toBe("EINTR");
  const argument = (words: number[], to: Uint8Array) => {
    const view = new DataView(new ArrayBuffer(16));
    words.forEach((word, index) => {
      view.setUint16(2 * index, word, true);
    });
    view.setBigUint64(8, kernel.memory.map(to), true);
    return kernel.memory.map(new Uint8Array(view.buffer));
  };
  await file.ioctl(0x11, argument([1, 2], new Uint8Array(2)));
  await file.ioctl(0x12, argument([2], bytes("hi")));
  kernel.tell("RELEASE", { file: file.number, cookie: 1n });
  await settled();
  expect(lines.map((line) => line.replace(/ <.*>$/, ""))).toEqual([
    "4242  seen: open(O_RDWR) = 1",
    '4242  seen: read(1, 9) = "abc" 3',
    '4242  seen: write(1, "x", 1) = 1',
    "4242  seen: interrupt of read(1, 1)",
    "4242  seen: read(1, 1) = -1 EINTR",
    String.raw`4242  seen: ioctl(1, GET, {out=1, len=2, buf="\x00\x00"}) = {out=1, len=2, buf="\x01\x02"} 5`,
    "round",
    "round",
    '4242  seen: ioctl(1, RULED, {len=2, buf="hi"}) = 6',
    "-  seen: release(1) = 0",
  ]);
  await channel.close();
});
