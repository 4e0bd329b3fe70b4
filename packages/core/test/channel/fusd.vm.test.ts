// The channel fusd on the module in kernel/fusd: offsets, and a daemon that is killed while a program reads.
// Kernels: 6.12, 6.1

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, fdatasyncSync, openSync, read, readSync, write, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, onTestFinished, test } from "vitest";

beforeAll(() => {
  execFileSync("modprobe", ["fusd"]);
});

const DAEMON = fileURLToPath(new URL("lasting.ts", import.meta.url));
const NODE = "/dev/devlift-lasting";

async function daemon(generation: string) {
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), DAEMON, generation], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value;
  expect(await line()).toBe(`ready ${generation}`);
  const exited = once(child, "exit");
  return { child, line, exited };
}

function textAt(fd: number, offset: number, length: number): string {
  const buffer = Buffer.alloc(length);
  return buffer.toString("utf8", 0, readSync(fd, buffer, 0, length, offset));
}

test("offsets and fdatasync reach the driver, and a reader does not notice that its daemon was killed", async () => {
  const first = await daemon("first");
  const fd = openSync(NODE, "r+");
  writeSync(fd, "hello", 10);
  expect(textAt(fd, 8, 9)).toBe("..hello..");
  fdatasyncSync(fd);
  expect(await first.line()).toBe("fsync true");
  expect(() => openSync("/dev/devlift-lasting/none", "r")).toThrow("ENOTDIR");

  const buffer = Buffer.alloc(40);
  const reading = promisify(read)(fd, buffer, 0, 40, 50);
  // The daemon has it: an answer to a later call says so.
  expect(textAt(fd, 10, 5)).toBe("hello");
  first.child.kill("SIGKILL");
  await first.exited;
  expect(existsSync(NODE)).toBe(true);
  const second = await daemon("second");
  const { bytesRead } = await reading;
  expect(buffer.toString("utf8", 0, bytesRead)).toBe("second recovered true");
  expect(textAt(fd, 10, 5)).toBe(".....");

  second.child.stdin.end();
  await second.exited;
  expect(existsSync(NODE)).toBe(false);
  expect(() => textAt(fd, 0, 1)).toThrow("ENODEV");
});

test("a device that is left to the next daemon: callers wait, and no write is held against them", async () => {
  const first = await daemon("first");
  const fd = openSync(NODE, "r+");
  const buffer = Buffer.alloc(40);
  const reading = promisify(read)(fd, buffer, 0, 40, 50);
  // The daemon has it: an answer to a later call says so.
  expect(textAt(fd, 0, 1)).toBe(".");
  first.child.stdin.write("leave");
  // Made before or after the first daemon goes, it waits for one of them: its policy is hold.
  const writing = promisify(write)(fd, "hello", 10);
  await first.exited;
  expect(existsSync(NODE)).toBe(true);
  const second = await daemon("second");
  expect((await writing).bytesWritten).toBe(5);
  const { bytesRead } = await reading;
  expect(buffer.toString("utf8", 0, bytesRead)).toBe("second recovered true");
  second.child.stdin.end();
  await second.exited;
});
