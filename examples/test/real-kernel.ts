// The examples over a real kernel, whichever channel: programs of others and C programs make the calls. Every client is
// a process of its own, because this thread is the daemon.

import { execFile } from "node:child_process";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { type AnyDevice, type ChannelKind, POLL, serve, silent } from "@devlift/core";
import { buildCalls, CallsProgram } from "@devlift/testing/calls";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { consoleRead } from "../src/console-read.ts";
import { drums } from "../src/drums.ts";
import { echo } from "../src/echo.ts";
import { helloworld } from "../src/helloworld.ts";
import { ioctl } from "../src/ioctl.ts";
import { logring } from "../src/logring.ts";
import { pager } from "../src/pager.ts";
import { uidFilter } from "../src/uid-filter.ts";
import { bytes, text } from "./memory.ts";

const [O_RDWR, O_NONBLOCK] = [2, 0o4000];
const [EAGAIN, EINVAL, ENOTTY, EPIPE] = [11, 22, 25, 32];

/** The tests, with device files below `root`, which ends with a slash. */
export function testExamples(channel: ChannelKind, root: string): void {
  beforeAll(() => {
    for (const bits of [64, 32] as const) buildCalls(bits);
  });

  /** Serves a device until the test ends. @returns its path */
  async function start(device: AnyDevice): Promise<string> {
    const path = root + device.name;
    const served = await serve(device, { channel, path, permissions: { mode: 0o666 }, log: silent });
    onTestFinished(() => served.close());
    return path;
  }

  test("helloworld: cat gets the greeting and the end of the file, each time", async () => {
    const path = await start(helloworld);
    expect(await sh(`cat ${path} ${path}; dd if=${path} bs=1 status=none`)).toBe("Hello, world!\n".repeat(3));
  });

  test("echo: cat gets what the shell wrote", async () => {
    await checkEcho(await start(echo));
  });

  test("uid-filter: the owner is told who it is, another user is refused", async () => {
    const path = await start(uidFilter(0));
    const [pid, said] = (await sh(`sh -c 'echo $$; exec cat ${path}'`)).split("\n");
    expect(said).toBe(`You are cat, your PID is ${pid}. Have a nice day.`);
    await expect(sh(`setpriv --reuid 65534 --clear-groups cat ${path}`)).rejects.toThrow(/Operation not permitted/);
  });

  test("drums: a family of files, with one volume", async () => {
    for (const device of drums()) await start(device);
    expect(await sh(`cat ${root}drums/b*; echo 4 > ${root}drums/volume; cat ${root}drums/crash`)).toBe(
      "bam\nbang\nbeat\nboom\nbum\nCRASH!!!!!\n",
    );
    await expect(sh(`echo 5 > ${root}drums/volume`)).rejects.toThrow(/Invalid argument|I\/O error/);
  });

  test("console-read: a line reaches every program that waits for one", async () => {
    const input = new PassThrough();
    let prompt: () => void = () => undefined;
    const bothWait = new Promise<void>((resolve) => {
      let prompts = 0;
      prompt = () => {
        if (++prompts === 2) resolve();
      };
    });
    const path = await start(consoleRead(input, () => prompt()));
    const reading = Promise.all([1, 2].map(() => sh(`head -n 1 ${path}`)));
    await bothWait;
    // The handler that has prompted waits for the line from the end of this turn on.
    await setImmediate();
    input.write("hello\n");
    expect(await reading).toEqual(["hello\n", "hello\n"]);
  });

  test.each([64, 32] as const)("ioctl: of each sort, from a %i-bit program", async (bits) => {
    const program = await opened(await start(ioctl), O_RDWR, bits);
    expect(await program.ioctl("a", 0x4700, 0)).toMatchObject({ result: 0 });
    expect(await program.ioctl("a", 0x4701, 12_345)).toMatchObject({ result: 12_346 });
    const both = (...strings: readonly string[]) => Buffer.from(strings.map((it) => it.padEnd(60, "\0")).join(""));
    expect(await program.ioctlBuffer("a", 0x4078_4704, both("first", "second"))).toMatchObject({ result: 0 });
    expect(await program.ioctlBuffer("a", 0x8078_4703, both("", ""))).toMatchObject({ data: both("first", "second") });
    const { data } = await program.ioctlBuffer("a", 0xc078_4705, both("if you're happy", "and you know it"));
    expect(data).toEqual(both("IF YOU'RE HAPPY", "AND YOU KNOW IT"));
    expect(await program.ioctl("a", 0x4709, 0)).toMatchObject({ errno: ENOTTY });
  });

  test("pager: one page wakes every program that reads or selects", async () => {
    const path = await start(pager);
    const readers = await Promise.all(Array.from({ length: 16 }, () => opened(path)));
    const selecting = await opened(path);
    const woken = selecting.select("a", "r", 60_000);
    const reading = readers.map((reader) => reader.read("a", 100));
    await sh(`echo dinner > ${path}`);
    expect((await Promise.all(reading)).map(({ data }) => text(data))).toEqual(Array(16).fill("dinner\n"));
    expect(await woken).toMatchObject({ result: 1 });
    expect(text((await selecting.read("a", 100)).data)).toBe("dinner\n");
  });

  test("logring: programs follow at their own pace, and one that is too slow is told", async () => {
    const path = await start(logring(3));
    const [follower, slow] = [await opened(path), await opened(path, O_RDWR | O_NONBLOCK)];
    expect(await slow.read("a", 100)).toMatchObject({ errno: EAGAIN });
    for (const message of ["one", "two", "three", "four"]) {
      const following = follower.read("a", 100);
      await sh(`printf ${message} > ${path}`);
      expect(text((await following).data)).toBe(message);
    }
    expect(await slow.poll("a", POLL.IN, 0)).toMatchObject({ result: POLL.IN | POLL.ERR });
    expect(await slow.read("a", 100)).toMatchObject({ errno: EPIPE });
    expect(text((await slow.read("a", 100)).data)).toBe("two");
    expect(await slow.poll("a", POLL.IN, 0)).toMatchObject({ result: POLL.IN });
    expect(await slow.read("a", 1)).toMatchObject({ errno: EINVAL });
    expect(await slow.write("a", bytes("x".repeat(1025)))).toMatchObject({ errno: EINVAL });
  });
}

/** What an echo driver owes, in whichever language it is written. */
export async function checkEcho(path: string): Promise<void> {
  expect(await sh(`cat ${path}`)).toBe("");
  expect(await sh(`echo HI THERE > ${path}; cat ${path}; cat ${path}`)).toBe("HI THERE\nHI THERE\n");
  expect(await sh(`printf one > ${path}; printf two > ${path}; dd if=${path} bs=2 status=none`)).toBe("two");
}

/** A C program that has opened the device as "a". */
export async function opened(path: string, flags: number = O_RDWR, bits: 64 | 32 = 64): Promise<CallsProgram> {
  const program = new CallsProgram(bits);
  onTestFinished(() => program.stop());
  expect(await program.open("a", path, flags)).toMatchObject({ result: 0 });
  return program;
}

/** @returns what the shell commands print @throws with what they print on standard error, when the last one fails */
export async function sh(commands: string): Promise<string> {
  return (await promisify(execFile)("sh", ["-c", commands], { timeout: 60_000 })).stdout;
}
