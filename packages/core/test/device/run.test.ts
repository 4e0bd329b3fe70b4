// runDaemon() as a process: its command line, its signals, its exit status, and what it writes down.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { OPTIONS } from "../../src/device/run-options.ts";
import { readRecording } from "../../src/trace/recording.ts";

const DAEMON = fileURLToPath(new URL("daemon.ts", import.meta.url));
// Processes that compile TypeScript when they start, on a machine that may have other things to do.
vi.setConfig({ testTimeout: 60_000 });
const folder = mkdtempSync(join(tmpdir(), "devlift-run-"));
afterAll(() => rmSync(folder, { recursive: true }));

class Daemon {
  readonly child: ChildProcess;
  readonly out: Lines;
  readonly err: Lines;
  readonly #exited: Promise<unknown[]>;

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, DEVLIFT_TRACE: "", NOTIFY_SOCKET: "", ...environment };
    const child = spawn(process.execPath, ["--import", "tsx", DAEMON, ...args], { env, stdio: "pipe" });
    this.child = child;
    this.out = new Lines(child.stdout);
    this.err = new Lines(child.stderr);
    this.#exited = once(child, "close");
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** The exit status, once everything has been read. */
  async status(): Promise<unknown> {
    const [code] = await this.#exited;
    return code;
  }
}

/** What a process says on one stream. */
class Lines {
  readonly all: string[] = [];
  #next = 0;
  #ended = false;
  #onChange: () => void = () => undefined;

  constructor(stream: Readable) {
    const reader = createInterface({ input: stream });
    reader.on("line", (line) => {
      this.all.push(line);
      this.#onChange();
    });
    reader.on("close", () => {
      this.#ended = true;
      this.#onChange();
    });
  }

  /** Waits for the next line that is so, behind the last one that was waited for. */
  async next(wanted: string | RegExp): Promise<void> {
    for (;;) {
      for (; this.#next < this.all.length; this.#next++) {
        const line = this.all[this.#next] ?? "";
        if (typeof wanted === "string" ? line !== wanted : !wanted.test(line)) continue;
        this.#next++;
        return;
      }
      expect(this.#ended, `${wanted} in ${this.all.join("\n")}`).toBe(false);
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }
}

test("a wrong command line: status 2, and what is wrong", async () => {
  const daemon = new Daemon(["--channel", "fuze"]);
  expect(await daemon.status()).toBe(2);
  expect(daemon.err.all).toEqual(["piped: --channel fuze: one of auto, memory, broken", "Try 'piped --help'."]);
});

test("--version and --help", async () => {
  const version = new Daemon(["--version"]);
  expect([await version.status(), version.out.all]).toEqual([0, ["piped 1.2.3"]]);
  const help = new Daemon(["--help", "--mode", "no"]);
  expect(await help.status()).toBe(0);
  expect(help.out.all[0]).toBe("piped: a test");
  for (const option of Object.keys(OPTIONS)) expect(help.out.all.join("\n")).toContain(`  --${option}`);
});

test("no channel that works: status 1, and why", async () => {
  const daemon = new Daemon([], { BROKEN: "1" });
  expect(await daemon.status()).toBe(1);
  expect(daemon.err.all).toEqual(["error: no channel works on this machine: broken: it never works"]);
  expect(daemon.out.all).toEqual(["closed"]);
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s frees callers, closes in order, and ends with 0",
  async (signal) => {
    const daemon = new Daemon([], { DEVICES: "other,pipe" });
    await daemon.err.next("info: serving /dev/pipe over memory: for a test");
    daemon.tell("wait");
    await daemon.out.next("did wait");
    daemon.child.kill(signal);
    expect(await daemon.status()).toBe(0);
    expect(daemon.err.all.slice(2)).toEqual([`info: ${signal}: freeing clients and removing the device files`]);
    const steps = daemon.out.all.filter((line) => !["read 0 bytes", "did wait"].includes(line));
    expect(steps).toEqual(["closing pipe", "released", "closing other", "closed"]);
    expect(daemon.out.all).toContain("read 0 bytes");
  },
);

test("the service manager hears when the device files are there, and then that the daemon still runs", async () => {
  const receiver = join(folder, "receive-datagram");
  execFileSync("cc", ["-o", receiver, fileURLToPath(new URL("../native/receive-datagram.c", import.meta.url))]);
  const socket = join(folder, "notify");
  const manager = spawn(receiver, [socket, "3"], { stdio: ["ignore", "pipe", "inherit"] });
  const [bound] = await once(manager.stdout, "data");
  expect(String(bound)).toBe("bound\n");
  const daemon = new Daemon([], { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000", DEVICES: "pipe,other" });
  const received = await text(manager.stdout);
  expect(received).toBe("READY=1\nSTATUS=serving /dev/pipe, /dev/otherWATCHDOG=1WATCHDOG=1");
  daemon.child.kill("SIGTERM");
  expect(await daemon.status()).toBe(0);
});

test.each([
  ["pipe,other", ["leaving pipe", "leaving other"]],
  // What one channel cannot, none does.
  ["pipe", ["closing other", "closing pipe", "closed"]],
])("SIGUSR1 leaves the device files to the next daemon where the channels can: %s", async (leaves, steps) => {
  const daemon = new Daemon([], { DEVICES: "pipe,other", LEAVES: leaves });
  await daemon.err.next(/serving \/dev\/other/);
  daemon.child.kill("SIGUSR1");
  expect(await daemon.status()).toBe(0);
  expect(daemon.out.all).toEqual(steps);
});

test("a second signal ends it at once, with 1", async () => {
  const daemon = new Daemon([], { DEVICES: "other" });
  await daemon.err.next(/serving/);
  daemon.tell("open other");
  await daemon.out.next("did open");
  daemon.child.kill("SIGTERM");
  // Its release() never ends.
  await daemon.out.next("closing other");
  daemon.child.kill("SIGINT");
  expect(await daemon.status()).toBe(1);
  expect(daemon.err.all.at(-1)).toBe("warning: SIGINT again: ending at once");
  expect(daemon.out.all).not.toContain("closed");
});

test("--trace writes to stderr; SIGUSR2 switches it off, and on again lists who waits", async () => {
  const daemon = new Daemon(["--trace"]);
  const read = (file: number) => new RegExp(`^4242.*pipe: read\\(${file}, 1\\) = "A" 1 <\\d+\\.\\d{6}>$`);
  await daemon.err.next(/serving/);
  daemon.tell("read");
  await daemon.err.next(read(1));
  daemon.tell("wait");
  await daemon.err.next(/read\(2, 10\) <unfinished: waits for the driver's word since [1-9]\d*\.\d{3} s>$/);
  daemon.child.kill("SIGUSR2");
  await daemon.out.next("SIGUSR2");
  daemon.tell("read");
  await daemon.out.next("did read");
  daemon.child.kill("SIGUSR2");
  await daemon.err.next(/read\(2, 10\) <unfinished: waits for the driver's word since \d+\.\d{3} s>$/);
  daemon.tell("read");
  await daemon.err.next(read(4));
  daemon.child.kill("SIGTERM");
  expect(await daemon.status()).toBe(0);
  expect(daemon.err.all.filter((line) => read(3).test(line))).toEqual([]);
  await daemon.err.next(/read\(2, 10\) = "" 0 </);
});

test("SIGUSR2 does not cut off the end, when there is nothing left to be traced", async () => {
  const daemon = new Daemon([], { SLOW_CLOSE: "1" });
  await daemon.err.next(/serving/);
  daemon.child.kill("SIGTERM");
  await daemon.out.next("closed");
  daemon.child.kill("SIGUSR2");
  daemon.child.stdin?.end();
  expect(await daemon.status()).toBe(0);
});

test("DEVLIFT_TRACE=FILE, and --trace=FILE: lines with their time, for the daemon's user alone", async () => {
  const [first, second] = [join(folder, "environment.trace"), join(folder, "option.trace")];
  const daemons = [new Daemon([], { DEVLIFT_TRACE: first }), new Daemon([`--trace=${second}`], { DEVLIFT_TRACE: "1" })];
  for (const daemon of daemons) {
    await daemon.err.next(/serving/);
    daemon.tell("read");
    await daemon.out.next("did read");
    daemon.child.kill("SIGTERM");
    expect(await daemon.status()).toBe(0);
    expect(daemon.err.all.join("\n")).not.toContain("read(");
  }
  for (const file of [first, second]) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z 4242.*pipe: read\(1, 1\) = "A" 1 </m);
  }
  const refused = new Daemon([`--trace=${join(folder, "none", "x")}`]);
  expect(await refused.status()).toBe(1);
  expect(refused.err.all[0]).toMatch(/^error: cannot write trace lines to .*ENOENT/);
});

test("when the trace's file is full, tracing ends and the daemon goes on", async () => {
  const daemon = new Daemon(["--trace=/dev/full"]);
  await daemon.err.next(/^error: tracing ends, its file cannot be written: .*ENOSPC/);
  await daemon.err.next(/serving/);
  daemon.tell("read");
  await daemon.out.next("did read");
  daemon.child.kill("SIGTERM");
  expect(await daemon.status()).toBe(0);
});

test("a fifo that nobody reads is no place for a trace, and does not hold the daemon up", async () => {
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  const refused = new Daemon([`--trace=${fifo}`]);
  expect(await refused.status()).toBe(1);
  expect(refused.err.all[0]).toMatch(/^error: cannot write trace lines to .*ENXIO/);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const daemon = new Daemon([`--trace=${fifo}`]);
  await daemon.err.next(/serving/);
  daemon.tell("storm");
  await daemon.out.next("did storm");
  await daemon.err.next(/^error: tracing ends, its file cannot be written: .*EAGAIN/);
  daemon.child.kill("SIGTERM");
  expect(await daemon.status()).toBe(0);
  closeSync(reader);
});

test("--record, killed in the middle, and --replay", async () => {
  const file = join(folder, "pipe.rec");
  const daemon = new Daemon(["--record", file]);
  await daemon.err.next(/serving/);
  daemon.tell("read");
  await daemon.out.next("did read");
  // It is in the file a tenth of a second later.
  await vi.waitUntil(() => [...readRecording([readFileSync(file)], () => undefined)].length === 6, { timeout: 30_000 });
  daemon.child.kill("SIGKILL");
  await daemon.status();
  const replay = new Daemon(["--replay", file]);
  expect(await replay.status()).toBe(0);
  expect(replay.err.all).toContain("info: 2 requests, 2 answers compared, 0 differ");
  const wrong = new Daemon(["--replay", file], { DEVICES: "other" });
  expect(await wrong.status()).toBe(1);
  expect(wrong.err.all).toEqual(["error: the recording is of pipe; this program serves other"]);
  const twice = new Daemon(["--record", file]);
  expect(await twice.status()).toBe(1);
  expect(twice.err.all[0]).toContain("is there already, and a recording is not written over anything");
});
