// watch: when it calls back, and how it ends, by itself, with its thread, with its process. The child processes load
// one bundled file with the addon beside it, as a daemon does.

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
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ERRNO } from "../src/errno.ts";
import { addonPath, READY, type Watch, watch } from "../src/native.ts";

const { O_NONBLOCK, O_RDWR, O_RDONLY, O_WRONLY } = constants;

let directory: string;
let fifo: string;
let fd: number;
const watches: Watch[] = [];

function watching(on: number, events: number, callback: (result: number) => void): Watch {
  const made = watch(on, events, callback);
  watches.push(made);
  return made;
}

/** After the event loop has polled at least once more. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "devlift-watch-"));
  fifo = join(directory, "fifo");
  execFileSync("mkfifo", [fifo]);
  fd = openSync(fifo, O_RDWR | O_NONBLOCK);
  const entry = fileURLToPath(new URL("../src/native.ts", import.meta.url));
  const outfile = join(directory, "native.mjs");
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm" });
  copyFileSync(addonPath(), join(directory, "devlift.node"));
});

afterEach(async () => {
  for (const made of watches.splice(0)) made.close();
  await turn();
});

afterAll(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

describe("watch", () => {
  it("is level-triggered, changes what it waits for, and pauses", async () => {
    const seen: number[] = [];
    const made = watching(fd, READY.READABLE, (result) => seen.push(result));
    await turn();
    expect(seen).toEqual([]);
    writeSync(fd, "x");
    await expect.poll(() => seen.length).toBeGreaterThan(1);
    expect(made.update(0)).toBe(0);
    seen.length = 0;
    await turn();
    expect(seen).toEqual([]);
    expect(made.update(READY.READABLE | READY.WRITABLE)).toBe(0);
    await expect.poll(() => seen.at(-1)).toBe(READY.READABLE | READY.WRITABLE);
    readSync(fd, new Uint8Array(1));
    await expect.poll(() => seen.at(-1)).toBe(READY.WRITABLE);
  });

  it("may be closed in its callback, twice, and then is silent", async () => {
    let calls = 0;
    const made = watching(fd, READY.WRITABLE, () => {
      calls++;
      made.close();
      made.close();
    });
    await expect.poll(() => calls).toBe(1);
    await turn();
    expect(calls).toBe(1);
    expect(made.update(READY.WRITABLE)).toBe(-ERRNO.EBADF);
    made.ref();
    made.unref();
  });

  it("runs process.nextTick and microtasks before another watch calls back", async () => {
    const second = openSync(fifo, O_RDWR | O_NONBLOCK);
    const order: string[] = [];
    const ends = [fd, second].map(
      (on) =>
        new Promise<void>((resolve) => {
          const made = watching(on, READY.WRITABLE, () => {
            order.push("callback");
            process.nextTick(() => order.push("tick"));
            Promise.resolve().then(() => {
              order.push("microtask");
              made.close();
              resolve();
            });
          });
        }),
    );
    await Promise.all(ends);
    closeSync(second);
    expect(order).toEqual(["callback", "tick", "microtask", "callback", "tick", "microtask"]);
  });

  it("refuses what it cannot watch", () => {
    watching(fd, READY.READABLE, () => {});
    expect(() => watch(fd, READY.WRITABLE, () => {})).toThrow(expect.objectContaining({ code: "EEXIST" }));
    const file = openSync(fileURLToPath(import.meta.url), O_RDONLY);
    expect(() => watch(file, READY.READABLE, () => {})).toThrow(expect.objectContaining({ code: "EPERM" }));
    closeSync(file);
    const error = { code: "EBADF", errno: -ERRNO.EBADF, syscall: "uv_poll_init" };
    expect(() => watch(file, READY.READABLE, () => {})).toThrow(expect.objectContaining(error));
  });

  it("reports POLLERR as -EBADF, once", async () => {
    const other = join(directory, "broken");
    execFileSync("mkfifo", [other]);
    const reader = openSync(other, O_RDONLY | O_NONBLOCK);
    const writer = openSync(other, O_WRONLY | O_NONBLOCK);
    const seen: number[] = [];
    const made = watching(writer, 0, (result) => seen.push(result));
    closeSync(reader);
    made.update(READY.WRITABLE);
    await expect.poll(() => seen).toEqual([-ERRNO.EBADF]);
    await turn();
    expect(seen).toEqual([-ERRNO.EBADF]);
    made.close();
    closeSync(writer);
  });

  it("leaves no handle behind", async () => {
    const before = pollHandles();
    const open = watching(fd, READY.READABLE, () => {});
    expect(pollHandles()).toBe(before + 1);
    open.close();
    for (let i = 0; i < 1000; i++) watch(fd, READY.READABLE, () => {}).close();
    await turn();
    expect(pollHandles()).toBe(before);
  });
});

/** uv_poll handles that the event loop knows of. */
function pollHandles(): number {
  const report: unknown = process.report.getReport();
  const list = typeof report === "object" && report !== null && "libuv" in report ? report.libuv : undefined;
  expect(Array.isArray(list)).toBe(true);
  return Array.isArray(list) ? list.filter((handle) => handle.type === "poll").length : Number.NaN;
}

/** Runs a module, given as text, in a process of its own that has `native.mjs` beside it. */
function run(source: string): { status: number | null; signal: string | null; stdout: string; stderr: string } {
  const file = join(directory, "main.mjs");
  const prelude = `import { READY, watch } from "./native.mjs"; import { openSync } from "node:fs";
    const fd = openSync(${JSON.stringify(fifo)}, ${O_RDWR | O_NONBLOCK});\n`;
  writeFileSync(file, prelude + source);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 60_000 });
  return { status, signal, stdout, stderr };
}

const clean = { status: 0, signal: null, stderr: "" };

describe("a watch in a process", () => {
  it("turns what its callback throws into uncaughtException, and goes on", () => {
    const result = run(`
      let calls = 0;
      process.on("uncaughtException", (error, origin) => console.log(origin, error.message));
      const made = watch(fd, READY.WRITABLE, () => {
        if (++calls === 3) made.close();
        Promise.resolve().then(() => console.log("after", calls));
        throw new Error("call " + calls);
      });`);
    expect(result).toMatchObject(clean);
    expect(result.stdout.match(/uncaughtException call \d/g)).toEqual(
      [1, 2, 3].map((n) => `uncaughtException call ${n}`),
    );
    expect(result.stdout).toContain("after 3");
  });

  it("ends the process when nobody handles that", () => {
    const result = run(`watch(fd, READY.WRITABLE, () => { throw new Error("nobody's"); });`);
    expect(result).toMatchObject({ status: 1, signal: null });
    expect(result.stderr).toContain("nobody's");
  });

  it("keeps it alive until close() or unref()", () => {
    const ended = run(`
      const idle = watch(fd, READY.READABLE, () => {});
      setTimeout(() => { console.log("still here"); idle.unref(); }, 1).unref();
      process.on("exit", () => console.log("exit"));`);
    expect(ended).toEqual({ ...clean, stdout: "still here\nexit\n" });
  });

  it("survives the collection of its object", () => {
    const result = run(`
      import { setFlagsFromString } from "node:v8"; import { runInNewContext } from "node:vm";
      setFlagsFromString("--expose-gc");
      const gc = runInNewContext("gc");
      let calls = 0;
      (() => { watch(fd, READY.WRITABLE, () => { gc(); if (++calls === 5) process.exit(); }); })();
      gc();
      for (let i = 0; i < 100; i++) { const fd2 = openSync(${JSON.stringify("/dev/ptmx")}, ${O_RDWR}); watch(fd2, 1, () => {}).close(); }
      setImmediate(gc);
      process.on("exit", () => console.log(calls));`);
    expect(result).toEqual({ ...clean, stdout: "5\n" });
  });
});

describe("a watch in a worker thread", () => {
  /** Twenty threads, one after the other, each with the body; then the exit code of each, or what it threw. */
  const threads = (body: string): string => `
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
    }`;

  it.each([
    ["is terminated while it calls back", "watch(fd, READY.WRITABLE, () => parentPort.postMessage(0));", "1"],
    ["is terminated while it waits", "watch(fd, READY.READABLE, () => {}); parentPort.postMessage(0);", "1"],
    ["exits in the callback", "watch(fd, READY.WRITABLE, () => process.exit(7));", "7"],
    ["exits right after close()", "watch(fd, READY.WRITABLE, () => {}).close(); process.exit(7);", "7"],
    ["ends with an unreferenced watch", "watch(fd, READY.READABLE, () => {}).unref();", "0"],
    ["throws in its callback", 'watch(fd, READY.WRITABLE, () => { throw new Error("oops"); });', "oops,1"],
  ])("does not outlive one that %s", (_, body, ends) => {
    expect(run(threads(body))).toEqual({ ...clean, stdout: `${ends}\n` });
  });
});
