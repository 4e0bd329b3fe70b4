// What each example promises, over a kernel in memory.

import { PassThrough } from "node:stream";
import { type MemoryFile, type MemoryKernel, POLL } from "@devlift/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { clock } from "../src/clock.ts";
import { consoleRead } from "../src/console-read.ts";
import { drums } from "../src/drums.ts";
import { echo } from "../src/echo.ts";
import { helloworld } from "../src/helloworld.ts";
import { ioctl } from "../src/ioctl.ts";
import { logring } from "../src/logring.ts";
import { nothing } from "../src/null.ts";
import { pager } from "../src/pager.ts";
import { uidFilter } from "../src/uid-filter.ts";
import { bytes, start, text } from "./memory.ts";

const [O_RDWR, O_NONBLOCK] = [2, 0o4000];

/** Reads as cat does, to the end of the file. */
async function readAll(file: MemoryFile, size = 4096): Promise<string> {
  let all = "";
  for (;;) {
    const piece = text(await file.read(size));
    if (piece === "") return all;
    all += piece;
  }
}

describe("null", () => {
  test("takes everything and gives nothing", async () => {
    const file = await (await start(nothing)).openFile();
    expect(await file.write(new Uint8Array(100_000))).toBe(100_000);
    expect(await readAll(file)).toBe("");
  });
});

describe("helloworld", () => {
  test("greets everyone who opens it, in pieces of any size, then ends", async () => {
    const kernel = await start(helloworld);
    const [one, two] = [await kernel.openFile(), await kernel.openFile()];
    expect(text(await one.read(5))).toBe("Hello");
    expect(await readAll(two)).toBe("Hello, world!\n");
    expect(await readAll(one, 1)).toBe(", world!\n");
    await expect(one.write(bytes("x"))).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("echo", () => {
  test("gives what was written last, by whomever, to each open of its own", async () => {
    const kernel = await start(echo);
    const writer = await kernel.openFile();
    expect(await readAll(writer)).toBe("");
    expect(await writer.write(bytes("one"))).toBe(3);
    expect(await writer.write(bytes("HI THERE\n"))).toBe(9);
    expect(await readAll(await kernel.openFile())).toBe("HI THERE\n");
    expect(await readAll(await kernel.openFile(), 2)).toBe("HI THERE\n");
  });
});

describe("uid-filter", () => {
  test("lets its owner in and says who that is", async () => {
    const kernel = await start(uidFilter(1000));
    expect(await readAll(await kernel.openFile())).toMatch(/^You are .+, your PID is \d+\. Have a nice day\.\n$/);
  });

  test("refuses everybody else", async () => {
    const kernel = await start(uidFilter(1001));
    await expect(kernel.openFile()).rejects.toMatchObject({ code: "EPERM" });
  });
});

describe("drums", () => {
  async function family() {
    const kernels = new Map<string, MemoryKernel>();
    for (const device of drums()) kernels.set(device.name, await start(device));
    const open = async (name: string) => {
      const kernel = kernels.get(`drums/${name}`);
      expect(kernel, name).toBeDefined();
      return (kernel as MemoryKernel).openFile();
    };
    return { names: [...kernels.keys()], open };
  }

  test("are six, and sound as they are called", async () => {
    const { names, open } = await family();
    expect(names).toEqual("bam bum beat boom bang crash volume".split(" ").map((name) => `drums/${name}`));
    expect(await readAll(await open("bam"))).toBe("bam\n");
    expect(await readAll(await open("crash"))).toBe("crash\n");
  });

  test("are all as loud as the volume says", async () => {
    const { open } = await family();
    const volume = await open("volume");
    const heard = async (wanted: string) => {
      await volume.write(bytes(wanted));
      return [await readAll(await open("bum")), await readAll(await open("bang"))];
    };
    expect(await heard("1\n")).toEqual(["(you hear nothing)\n", "(you hear nothing)\n"]);
    expect(await heard("4\n")).toEqual(["BUM!!!!!\n", "BANG!!!!!\n"]);
    expect(await heard("3")).toEqual(["BUM\n", "BANG\n"]);
    expect(await heard("2\n")).toEqual(["bum\n", "bang\n"]);
  });

  test.each(["0", "5", "loud", "\n", "1.5", "constructor"])(
    'refuse "%s" as a volume, and stay as they were',
    async (wanted) => {
      const { open } = await family();
      await expect((await open("volume")).write(bytes(wanted))).rejects.toMatchObject({ code: "EINVAL" });
      expect(await readAll(await open("beat"))).toBe("beat\n");
    },
  );
});

describe("console-read", () => {
  /** A terminal: what was asked there, in order, and a person who types. */
  async function terminal() {
    const input = new PassThrough();
    const prompts: string[] = [];
    const waiting: (() => void)[] = [];
    const kernel = await start(
      consoleRead(input, (prompt) => {
        prompts.push(prompt);
        waiting.shift()?.();
      }),
    );
    return { kernel, prompts, input, asked: () => new Promise<void>((resolve) => waiting.push(resolve)) };
  }

  test("asks at the terminal, and gives every reader that waits the line", async () => {
    const { kernel, prompts, input, asked } = await terminal();
    const [one, two] = [await kernel.openFile(), await kernel.openFile()];
    const both = Promise.all([asked(), asked()]);
    const reading = [one.read(3), two.read(100)];
    await both;
    expect(prompts).toEqual(Array(2).fill("Process 4242 reads. What do we say?\n> "));
    input.write("hello\n");
    expect((await Promise.all(reading)).map(text)).toEqual(["hel", "hello\n"]);
    expect(text(await one.read(100))).toBe("lo\n");
    expect(prompts.length).toBe(2);
  });

  test("does not wait for who does not want to", async () => {
    const { kernel, prompts } = await terminal();
    await expect((await kernel.openFile(O_RDWR | O_NONBLOCK)).read(1)).rejects.toMatchObject({ code: "EAGAIN" });
    expect(prompts).toEqual([]);
  });

  test("lets a reader go that gets a signal; the line is the next reader's", async () => {
    const { kernel, input, asked } = await terminal();
    const file = await kernel.openFile();
    const ctrlC = new AbortController();
    const asking = asked();
    const interrupted = file.read(100, { signal: ctrlC.signal });
    await asking;
    ctrlC.abort();
    await expect(interrupted).rejects.toMatchObject({ code: "EINTR" });
    const again = asked();
    const reading = file.read(100);
    await again;
    input.write("for you\n");
    expect(text(await reading)).toBe("for you\n");
  });

  test("ends when its input ends, for who waits and for who comes later", async () => {
    const { kernel, input, asked } = await terminal();
    const asking = asked();
    const reading = (await kernel.openFile()).read(100);
    await asking;
    input.end();
    expect(text(await reading)).toBe("");
    expect(await readAll(await kernel.openFile())).toBe("");
  });
});

describe("ioctl", () => {
  const PING = 0x4700;
  const [GET, SET, CAPITALIZE, JOIN] = [0x8078_4703, 0x4078_4704, 0xc078_4705, 0x4018_4706];

  const cstrings = (...strings: readonly string[]) => Buffer.from(strings.map((it) => it.padEnd(60, "\0")).join(""));

  async function open() {
    const kernel = await start(ioctl);
    return { map: (area: Uint8Array) => kernel.memory.map(area), file: await kernel.openFile() };
  }

  test("without data, and with a number in the place of a pointer", async () => {
    const { file } = await open();
    expect(await file.ioctl(PING, 0n)).toBe(0);
    expect(await file.ioctl(PING + 1, 12_345n)).toBe(12_346);
  });

  test("out and in: gives what was set on this open file", async () => {
    const { file, map } = await open();
    const got = new Uint8Array(120).fill(0xee);
    expect(await file.ioctl(GET, map(got))).toBe(0);
    expect(Buffer.from(got)).toEqual(cstrings("nothing", "yet"));
    expect(await file.ioctl(SET, map(cstrings("first", "second")))).toBe(0);
    await file.ioctl(GET, map(got));
    expect(Buffer.from(got)).toEqual(cstrings("first", "second"));
  });

  test("inout: changes the caller's struct in place", async () => {
    const { file, map } = await open();
    const both = cstrings("if you're happy", "and you know it");
    expect(await file.ioctl(CAPITALIZE, map(both))).toBe(0);
    expect(both).toEqual(cstrings("IF YOU'RE HAPPY", "AND YOU KNOW IT"));
  });

  function joining(map: (area: Uint8Array) => bigint, pieces: readonly string[], joined: Uint8Array) {
    const table = Buffer.alloc(16 * Math.max(1, pieces.length));
    pieces.forEach((piece, index) => {
      table.writeBigUInt64LE(map(Buffer.from(piece)), 16 * index);
      table.writeUInt32LE(piece.length, 16 * index + 8);
    });
    const join = Buffer.alloc(24);
    join.writeBigUInt64LE(map(table), 0);
    join.writeUInt32LE(pieces.length, 8);
    join.writeUInt32LE(joined.length, 12);
    join.writeBigUInt64LE(map(joined), 16);
    return join;
  }

  test("nested: joins what the pointers of its pointers point to", async () => {
    const { file, map } = await open();
    const joined = Buffer.alloc(16, ".");
    expect(await file.ioctl(JOIN, map(joining(map, ["clap ", "your ", "hands"], joined)))).toBe(15);
    expect(joined.toString()).toBe("clap your hands\0");
  });

  test("nested: too many pieces, too little room, and pointers to nowhere are refused", async () => {
    const { file, map } = await open();
    const join = (pieces: readonly string[], room: number) => joining(map, pieces, Buffer.alloc(room));
    await expect(file.ioctl(JOIN, map(join(Array(17).fill("x"), 100)))).rejects.toMatchObject({ code: "EINVAL" });
    await expect(file.ioctl(JOIN, map(join(["much too long"], 4)))).rejects.toMatchObject({ code: "ENOSPC" });
    const wild = join(["x"], 4);
    wild.writeBigUInt64LE(8n, 16);
    await expect(file.ioctl(JOIN, map(wild))).rejects.toMatchObject({ code: "EFAULT" });
    await expect(file.ioctl(GET, 8n)).rejects.toMatchObject({ code: "EFAULT" });
    await expect(file.ioctl(PING + 9, 0n)).rejects.toMatchObject({ code: "ENOTTY" });
  });
});

describe("pager", () => {
  test("one page wakes every reader that waits", async () => {
    const kernel = await start(pager);
    const readers = await Promise.all(Array.from({ length: 50 }, () => kernel.openFile()));
    const reading = readers.map((reader) => reader.read(100));
    expect(await (await kernel.openFile()).write(bytes("dinner\n"))).toBe(7);
    expect((await Promise.all(reading)).map(text)).toEqual(Array(50).fill("dinner\n"));
  });

  test("gives the latest page once, and none from before the open", async () => {
    const kernel = await start(pager);
    const writer = await kernel.openFile();
    await writer.write(bytes("early"));
    const reader = await kernel.openFile(O_RDWR | O_NONBLOCK);
    await expect(reader.read(100)).rejects.toMatchObject({ code: "EAGAIN" });
    await writer.write(bytes("one"));
    await writer.write(bytes("two"));
    expect(text(await reader.read(100))).toBe("two");
    await expect(reader.read(100)).rejects.toMatchObject({ code: "EAGAIN" });
    await writer.write(bytes("long page"));
    expect(text(await reader.read(4))).toBe("long");
    await expect(reader.read(100)).rejects.toMatchObject({ code: "EAGAIN" });
  });

  test("poll says when there is one, and wakes who waits for it", async () => {
    const kernel = await start(pager);
    const [reader, writer] = [await kernel.openFile(), await kernel.openFile()];
    let woken = 0;
    expect((await reader.poll(() => woken++)) & POLL.IN).toBe(0);
    await writer.write(bytes("x"));
    expect(woken).toBe(1);
    expect(await reader.poll()).toBe(POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM);
    await reader.read(100);
    expect((await reader.poll()) & POLL.IN).toBe(0);
  });
});

describe("logring", () => {
  /** One with room for three messages, some of them written. */
  async function written(...messages: readonly string[]) {
    const kernel = await start(logring(3));
    const writer = await kernel.openFile();
    for (const message of messages) await writer.write(bytes(message));
    return { kernel, writer };
  }

  test("gives each reader what is there, one message a read, and then what comes", async () => {
    const { kernel, writer } = await written("one", "two", "three", "four");
    const [fast, slow] = [await kernel.openFile(), await kernel.openFile()];
    for (const message of ["two", "three", "four"]) expect(text(await fast.read(100))).toBe(message);
    expect(text(await slow.read(100))).toBe("two");
    const following = fast.read(100);
    await writer.write(bytes("five"));
    expect(text(await following)).toBe("five");
    expect(text(await slow.read(100))).toBe("three");
  });

  test("tells a reader that was too slow, once, and goes on at the oldest that is left", async () => {
    const { kernel, writer } = await written("one");
    const reader = await kernel.openFile();
    for (const message of ["two", "three", "four", "five"]) await writer.write(bytes(message));
    expect(await reader.poll()).toBe(POLL.IN | POLL.PRI | POLL.ERR | POLL.OUT | POLL.RDNORM | POLL.WRNORM);
    await expect(reader.read(100)).rejects.toMatchObject({ code: "EPIPE" });
    expect(await reader.poll()).toBe(POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM);
    for (const message of ["three", "four", "five"]) expect(text(await reader.read(100))).toBe(message);
  });

  test("non-blocking readers get what is there, pollers are woken by what comes", async () => {
    const { kernel, writer } = await written("one");
    const reader = await kernel.openFile(O_RDWR | O_NONBLOCK);
    expect(text(await reader.read(100))).toBe("one");
    await expect(reader.read(100)).rejects.toMatchObject({ code: "EAGAIN" });
    let woken = 0;
    expect((await reader.poll(() => woken++)) & POLL.IN).toBe(0);
    await writer.write(bytes("two"));
    expect(woken).toBe(1);
    expect((await reader.poll()) & POLL.IN).toBe(POLL.IN);
  });

  test("a message is not cut: neither for a small read nor when it is too long", async () => {
    const { kernel, writer } = await written("message");
    const reader = await kernel.openFile();
    await expect(reader.read(6)).rejects.toMatchObject({ code: "EINVAL" });
    expect(text(await reader.read(7))).toBe("message");
    expect(await writer.write(new Uint8Array(1024))).toBe(1024);
    await expect(writer.write(new Uint8Array(1025))).rejects.toMatchObject({ code: "EINVAL" });
    expect((await reader.read(2000)).length).toBe(1024);
  });
});

describe("clock", () => {
  /** At a quarter past a second, which goes on when the test says so. */
  async function stopped() {
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: 1_000_000_250 });
    onTestFinished(() => void vi.useRealTimers());
    return start(clock);
  }

  test("tells each reader the second once, and makes it wait for the next", async () => {
    const kernel = await stopped();
    const file = await kernel.openFile();
    expect(text(await file.read(100))).toBe("1970-01-12T13:46:40.000Z\n");
    const reading = file.read(100);
    let told = false;
    void reading.then(() => {
      told = true;
    });
    await vi.advanceTimersByTimeAsync(749);
    expect(told).toBe(false);
    expect(text(await (await kernel.openFile()).read(19))).toBe("1970-01-12T13:46:40");
    await vi.advanceTimersByTimeAsync(1);
    expect(text(await reading)).toBe("1970-01-12T13:46:41.000Z\n");
  });

  test("poll is woken when the next second has come, and a closed file leaves no timer", async () => {
    const kernel = await stopped();
    const file = await kernel.openFile();
    expect((await file.poll()) & POLL.IN).toBe(POLL.IN);
    await file.read(100);
    let woken = 0;
    expect((await file.poll(() => woken++)) & POLL.IN).toBe(0);
    await vi.advanceTimersByTimeAsync(749);
    expect(woken).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(woken).toBe(1);
    expect((await file.poll()) & POLL.IN).toBe(POLL.IN);
    await file.read(100);
    await file.poll(() => woken++);
    await file.poll();
    expect(vi.getTimerCount()).toBe(1);
    await file.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
