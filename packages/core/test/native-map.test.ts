// map: memory of a file that others see change, and for how long it is there.

import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { map, mapAt, openPty, pageSize } from "../src/native.ts";

let path: string;
let fd: number;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "devlift-map-"));
  path = join(folder, "memory");
  fd = openSync(path, "w+");
  ftruncateSync(fd, 4 * pageSize());
  return () => rmSync(folder, { recursive: true });
});

test("a page is as large as the C library says", () => {
  expect(pageSize()).toBe(Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" })));
});

test("what is written on either side is there on the other, from the offset on", () => {
  const page = pageSize();
  const memory = map(fd, 2 * page, page);
  expect(memory.length).toBe(page);
  writeSync(fd, "outside", 2 * page + 5);
  expect(Buffer.from(memory.buffer, 5, 7).toString()).toBe("outside");
  memory.set(Buffer.from("inside"), page - 6);
  const read = Buffer.alloc(6);
  readSync(fd, read, 0, 6, 3 * page - 6);
  expect(read.toString()).toBe("inside");
  closeSync(fd);
  expect(memory[5]).toBe("o".charCodeAt(0));
});

test("what cannot be mapped says why", () => {
  const { master } = openPty();
  onTestFinished(() => closeSync(master));
  expect(() => map(master, 0, pageSize())).toThrow(expect.objectContaining({ code: "ENODEV", syscall: "mmap" }));
  expect(() => map(fd, 0, 0)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  expect(() => map(fd, 1, pageSize())).toThrow(expect.objectContaining({ code: "EINVAL" }));
  closeSync(fd);
  expect(() => map(fd, 0, pageSize())).toThrow(expect.objectContaining({ code: "EBADF" }));
});

test("at an address it is there, unless something else is", () => {
  const page = pageSize();
  const address = 0x4f_0000_0000n;
  const what = { fd, offset: page, length: page };
  const memory = mapAt(address, what);
  writeSync(fd, "here", page);
  expect(Buffer.from(memory.buffer, 0, 4).toString()).toBe("here");
  expect(readFileSync("/proc/self/maps", "utf8")).toContain(`\n${address.toString(16)}-`);
  expect(() => mapAt(address, what)).toThrow(expect.objectContaining({ code: "EEXIST", syscall: "mmap" }));
  expect(() => mapAt(address + 1n, what)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  expect(() => mapAt(-1n, what)).toThrow(TypeError);
  expect(memory.length).toBe(page);
});

test("it goes when nobody has it any more, and not before", () => {
  const native = fileURLToPath(new URL("../src/native.ts", import.meta.url));
  const program = `
    import { openSync, readFileSync } from "node:fs";
    import { setImmediate } from "node:timers/promises";
    import { map, pageSize } from ${JSON.stringify(native)};
    const mapped = () => readFileSync("/proc/self/maps", "utf8").split(${JSON.stringify(path)}).length - 1;
    const fd = openSync(${JSON.stringify(path)}, "r+");
    // Not beside each other, so that the kernel does not make one of them.
    let kept = map(fd, 0, pageSize()).subarray(8);
    let other = map(fd, 2 * pageSize(), pageSize());
    const counts = [mapped()];
    other = undefined;
    while (mapped() > 1) { gc(); await setImmediate(); }
    for (let turn = 0; turn < 10; turn++) { gc(); await setImmediate(); }
    counts.push(mapped());
    kept[0] = 1;
    kept = undefined;
    while (mapped() > 0) { gc(); await setImmediate(); }
    console.log(JSON.stringify(counts));`;
  const args = ["--expose-gc", "--import", "tsx", "--input-type=module", "-e", program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
  expect({ stdout, stderr }).toEqual({ stdout: "[2,1]\n", stderr: "" });
});
