// A link on a FIFO that is open at both ends, so that a reply that is written is the next request: what its calls do,
// how it waits beside everything else that an event loop does, and how it ends. The child processes load one bundled
// file with the addon beside it, as a daemon does.

import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  copyFileSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ERRNO } from "../src/errno.ts";
import { addonPath, type Link, map, memoryFile, openLink, pageSize, WRITE_FAILED } from "../src/native.ts";

const { O_NONBLOCK, O_RDWR, O_RDONLY, O_WRONLY } = constants;

let directory: string;
const opened: number[] = [];
const links: Link[] = [];

function openLoop(flags: number = O_RDWR): number {
  const path = join(directory, "fifo");
  const fd = openSync(path, flags | O_NONBLOCK);
  opened.push(fd);
  return fd;
}

function linkOn(fd: number): { link: Link; request: Uint8Array } {
  const link = openLink(fd);
  links.push(link);
  const request = link.allocate(8192);
  link.use(request);
  return { link, request };
}

/** Puts a reply of `length` bytes into the link's memory. */
function reply(link: Link, length: number, byte = 7): void {
  link.reply.fill(byte, 4);
  new DataView(link.reply.buffer).setUint32(0, length, true);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "devlift-link-"));
  execFileSync("mkfifo", [join(directory, "fifo")]);
  const entry = fileURLToPath(new URL("../src/native.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: join(directory, "native.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
  });
  copyFileSync(addonPath(), join(directory, "devlift.node"));
});

afterEach(() => {
  for (const link of links.splice(0)) link.stop();
  for (const fd of opened.splice(0)) closeSync(fd);
});

afterAll(() => rmSync(directory, { recursive: true }));

describe("a link's calls", () => {
  it("answer() writes as much as the reply says that it is long, and takes the next", () => {
    const { link, request } = linkOn(openLoop());
    expect(link.take()).toBe(-ERRNO.EAGAIN);
    reply(link, 6);
    expect(link.answer()).toBe(6);
    expect([...request.subarray(0, 6)]).toEqual([6, 0, 0, 0, 7, 7]);
    expect(link.take()).toBe(-ERRNO.EAGAIN);
  });

  it("keepIn() has requests in a file that others see, and says where", () => {
    const file = memoryFile("devlift-test", 2 * pageSize());
    opened.push(file);
    const link = openLink(openLoop());
    links.push(link);
    link.keepIn(file);
    expect(() => link.keepIn(file)).toThrow("one file");
    const [first, second] = [link.allocate(8192), link.allocate(8192)];
    link.use(first);
    const at = () => new DataView(map(file, 0, pageSize()).buffer).getUint32(0, true);
    expect(at()).toBe(2 * pageSize());
    link.use(second);
    expect(at()).toBe(2 * pageSize() + 8192);
    reply(link, 6);
    expect(link.answer()).toBe(6);
    const seen = new Uint8Array(6);
    expect(readSync(file, seen, 0, 6, at())).toBe(6);
    expect([...seen]).toEqual([6, 0, 0, 0, 7, 7]);
    const tooShort = memoryFile("devlift-test", 100);
    opened.push(tooShort);
    expect(() => openLink(openLoop()).keepIn(tooShort)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("answerWith() puts other bytes at the end of it", () => {
    const { link, request } = linkOn(openLoop());
    reply(link, 5 + 3000);
    expect(link.answerWith(new Uint8Array(3000).fill(9))).toBe(3005);
    expect([...request.subarray(3, 6)]).toEqual([0, 7, 9]);
    expect(request[3004]).toBe(9);
  });

  it("refuse a reply whose length cannot be, and write nothing of it", () => {
    const { link } = linkOn(openLoop());
    for (const length of [0, link.reply.length + 1, 2 ** 32 - 1]) {
      reply(link, length);
      expect(() => link.answer()).toThrow(RangeError);
    }
    reply(link, 10);
    expect(() => link.answerWith(new Uint8Array(10))).toThrow(RangeError);
    expect(() => link.answerWith(new Uint8Array(11))).toThrow(RangeError);
    expect(link.take()).toBe(-ERRNO.EAGAIN);
  });

  it("tell a refused write from a failed read", () => {
    openLoop();
    const deaf = linkOn(openLoop(O_RDONLY)).link;
    reply(deaf, 4);
    expect(deaf.answer()).toBe(WRITE_FAILED - ERRNO.EBADF);
    const blind = linkOn(openLoop(O_WRONLY)).link;
    reply(blind, 4);
    expect(blind.answer()).toBe(-ERRNO.EBADF);
  });

  it("read nothing after a write that was short or refused", () => {
    const { link } = linkOn(openLoop());
    const much = new Uint8Array(1 << 20);
    reply(link, 4 + much.length);
    expect(link.answerWith(much)).toBe(WRITE_FAILED - ERRNO.EIO);
    expect(link.answerWith(much)).toBe(WRITE_FAILED - ERRNO.EAGAIN);
    expect(link.take()).toBe(8192);
  });

  it("read into its own memory only, and not before there is some", () => {
    const link = openLink(openLoop());
    expect(link.take()).toBe(-ERRNO.EFAULT);
    expect(() => link.use(new Uint8Array(8192))).toThrow(RangeError);
    expect(() => link.use(link.reply)).toThrow(RangeError);
    expect(() => link.use(link.allocate(8192).subarray(1))).toThrow(RangeError);
    for (const size of [0, -1, 2 ** 22, Number.NaN]) expect(() => link.allocate(size)).toThrow(RangeError);
  });

  it("go on in another piece of memory, and when the one in use was transferred away", () => {
    const fd = openLoop();
    const { link, request } = linkOn(fd);
    const other = link.allocate(4096);
    link.use(other);
    writeSync(fd, "abc");
    expect(link.take()).toBe(3);
    expect(String.fromCharCode(...other.subarray(0, 3))).toBe("abc");
    expect(request[0]).toBe(0);
    const { buffer } = other;
    if (!(buffer instanceof ArrayBuffer)) throw new TypeError("memory of another kind");
    structuredClone(other, { transfer: [buffer] });
    writeSync(fd, "de");
    expect(link.take()).toBe(2);
  });
});

describe.each([0, 1000])("a link that waits, spinning for %i us", (spin) => {
  it("calls back with each request, ticks and microtasks before the next", async () => {
    const fd = openLoop();
    const { link, request } = linkOn(fd);
    const order: string[] = [];
    link.start((length) => {
      order.push(String.fromCharCode(...request.subarray(0, length)));
      process.nextTick(() => order.push("tick"));
      Promise.resolve().then(() => order.push("microtask"));
    }, spin);
    for (const text of ["a", "b"]) {
      writeSync(fd, text);
      await expect.poll(() => order).toContain(text);
    }
    expect(order).toEqual(["a", "tick", "microtask", "b", "tick", "microtask"]);
  });

  it("leaves their turns to timers, immediates, file access and other links", async () => {
    const fd = openLoop();
    const { link } = linkOn(fd);
    let requests = 0;
    // Never without a request: each one makes the next.
    link.start(() => {
      requests++;
      writeSync(fd, "x");
    }, spin);
    const second = join(directory, `second-${spin}`);
    execFileSync("mkfifo", [second]);
    const other = openSync(second, O_RDWR | O_NONBLOCK);
    opened.push(other);
    let others = 0;
    linkOn(other).link.start(() => others++, spin);
    writeSync(fd, "x");
    writeSync(other, "x");
    await sleep(5);
    await new Promise(setImmediate);
    expect((await readFile(fileURLToPath(import.meta.url), "utf8")).length).toBeGreaterThan(0);
    await expect.poll(() => others).toBe(1);
    const before = requests;
    await expect.poll(() => requests).toBeGreaterThan(before);
    link.stop();
    const after = requests;
    await sleep(5);
    expect(requests).toBe(after);
  });

  it("may be stopped in its callback, twice, and then is silent", async () => {
    const fd = openLoop();
    const { link } = linkOn(fd);
    let calls = 0;
    link.start(() => {
      calls++;
      writeSync(fd, "y");
      link.stop();
      link.stop();
    }, spin);
    writeSync(fd, "x");
    await expect.poll(() => calls).toBe(1);
    await sleep(5);
    expect(calls).toBe(1);
    expect(() => link.start(() => undefined, 0)).toThrow("a link is started once");
  });

  it("says once that reading fails, and does not ask again", async () => {
    const { link } = linkOn(openLoop());
    const seen: number[] = [];
    const folder = openSync(directory, O_RDONLY);
    opened.push(folder);
    const broken = linkOn(folder).link;
    broken.start((result) => seen.push(result), spin);
    link.start(() => undefined, spin);
    await expect.poll(() => seen).toEqual([-ERRNO.EISDIR]);
    await sleep(5);
    expect(seen).toEqual([-ERRNO.EISDIR]);
  });
});

/** Runs a module, given as text, in a process of its own that has `native.mjs` beside it. */
function run(source: string) {
  const file = join(directory, "main.mjs");
  const prelude = `import { openLink } from "./native.mjs"; import { openSync, writeSync } from "node:fs";
    const fd = openSync(${JSON.stringify(join(directory, "fifo"))}, ${O_RDWR | O_NONBLOCK});
    const link = openLink(fd);
    link.use(link.allocate(4096));\n`;
  writeFileSync(file, prelude + source);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 60_000 });
  return { status, signal, stdout, stderr };
}

const clean = { status: 0, signal: null, stderr: "" };

describe.each([0, 2000])("a link in a process, spinning for %i us", (spin) => {
  it("keeps it alive until stop()", () => {
    const result = run(`
      link.start(() => {}, ${spin});
      setTimeout(() => { console.log("still here"); link.stop(); }, 5).unref();
      process.on("exit", () => console.log("exit"));`);
    expect(result).toEqual({ ...clean, stdout: "still here\nexit\n" });
  });

  it("turns what its callback throws into uncaughtException, and goes on", () => {
    const result = run(`
      let calls = 0;
      process.on("uncaughtException", (error, origin) => console.log(origin, error.message));
      link.start(() => {
        if (++calls === 3) link.stop();
        else writeSync(fd, "x");
        throw new Error("call " + calls);
      }, ${spin});
      writeSync(fd, "x");`);
    expect(result).toEqual({ ...clean, stdout: [1, 2, 3].map((n) => `uncaughtException call ${n}\n`).join("") });
  });

  it("hears signals and children, and lets process.exit() through", () => {
    const result = run(`
      import { execFile } from "node:child_process";
      link.start(() => {}, ${spin});
      process.on("SIGUSR2", () => { console.log("signal"); process.exit(3); });
      execFile("true", () => { console.log("child"); process.kill(process.pid, "SIGUSR2"); });`);
    expect(result).toEqual({ ...clean, status: 3, stdout: "child\nsignal\n" });
  });

  it("survives the collection of its functions and its memory", () => {
    const result = run(`
      import { setFlagsFromString } from "node:v8"; import { runInNewContext } from "node:vm";
      setFlagsFromString("--expose-gc");
      const gc = runInNewContext("gc");
      for (let i = 0; i < 50; i++) {
        const short = openLink(fd);
        short.use(short.allocate(4096));
        short.use(short.allocate(8192));
        short.start(() => {}, ${spin});
        short.stop();
      }
      let calls = 0;
      (() => {
        const other = openLink(fd);
        other.use(other.allocate(4096));
        other.start(() => { gc(); if (++calls === 5) process.exit(); writeSync(fd, "x"); setImmediate(gc); }, ${spin});
      })();
      gc();
      writeSync(fd, "x");
      process.on("exit", () => console.log(calls));`);
    expect(result).toEqual({ ...clean, stdout: "5\n" });
  });

  it.each([
    [
      "is terminated while it calls back",
      `link.start(() => { writeSync(fd, "x"); parentPort.postMessage(0); }, ${spin}); writeSync(fd, "x");`,
      "1",
    ],
    ["is terminated while it waits", `link.start(() => {}, ${spin}); parentPort.postMessage(0);`, "1"],
    ["exits in the callback", `link.start(() => process.exit(7), ${spin}); writeSync(fd, "x");`, "7"],
    ["exits right after stop()", `link.start(() => {}, ${spin}); link.stop(); process.exit(7);`, "7"],
    [
      "throws in its callback",
      `link.start(() => { throw new Error("oops"); }, ${spin}); writeSync(fd, "x");`,
      "oops,1",
    ],
  ])("does not outlive a worker thread that %s", (_, body, ends) => {
    const result = run(`
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      if (isMainThread) {
        const ends = new Set();
        for (let i = 0; i < 20; i++) {
          const worker = new Worker(new URL(import.meta.url));
          worker.once("message", () => worker.terminate());
          worker.on("error", (error) => ends.add(error.message));
          await new Promise((resolve) => worker.on("exit", (code) => resolve(ends.add(code))));
        }
        console.log([...ends].join());
      } else {
        ${body}
      }`);
    expect(result).toEqual({ ...clean, stdout: `${ends}\n` });
  });
});
