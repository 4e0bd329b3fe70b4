// The example of mmap(2), on the module in kernel/fusd: programs read and write its memory.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { fuse, serve, silent } from "@devlift/core";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { mmap } from "../src/mmap.ts";
import { linesOf, TIMEOUT, tryLines } from "./documented.ts";
import { sh } from "./real-kernel.ts";

beforeAll(() => {
  execFileSync("modprobe", ["fusd"]);
});

test("mmap: the lines of its header", { timeout: 2 * TIMEOUT }, async () => {
  await tryLines(linesOf("mmap"), "/dev/mmap", "HI THERE\nHI THERE\n");
});

test("mmap: what a program puts into memory is there for the daemon, and for the next program", async () => {
  const channel = await serve(mmap, { channel: "fusd", log: silent });
  onTestFinished(() => channel.close());
  const program = `
import mmap, os
memory = mmap.mmap(os.open("${channel.path}", os.O_RDWR), 4096)
print(memory[:12])
memory[4:7] = b"ONE"
print(memory[4:8])`;
  expect(await sh(`printf one > ${channel.path} && python3 -c '${program}' && cat ${channel.path}`)).toBe(
    `b'\\x02\\x00\\x00\\x00one\\x00\\x00\\x00\\x00\\x00'\nb'ONE\\x00'\nONE`,
  );
});

test("mmap: another channel says that it has none", async () => {
  await expect(serve(mmap, { channel: fuse, path: "/tmp/mmap", log: silent })).rejects.toThrow(
    "mmap cannot be served: the fuse channel has no mmap; fusd has",
  );
});
