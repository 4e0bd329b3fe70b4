// A daemon as a person starts it: its bundle, as a process of its own, with its log read as it is written.

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * Loaded into the daemon before its own code: SIGUSR2 collects all garbage and tells what is left. One collection is not
 * all: what it finds dead may hold more by finalizers, native memory among it, that run between two turns of the loop.
 */
const MEASURE = `
  import { setFlagsFromString } from "node:v8";
  import { runInNewContext } from "node:vm";
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.on("SIGUSR2", async () => {
    for (let turn = 0; turn < 5; turn++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    process.stderr.write(JSON.stringify({ level: "test", msg: "memory " + (heapUsed + external) + " " + rss }) + "\\n");
  });
`;

/** KiB, after a collection. */
export interface Memory {
  /** What JavaScript holds, buffers included. */
  readonly held: number;
  readonly resident: number;
}

export interface LogLine {
  readonly level: string | number;
  readonly msg: string;
}

/** Environment of a daemon whose memory() is asked for. */
export const MEASURED = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(MEASURE)}` };

export class Daemon {
  readonly log: LogLine[] = [];
  /** Resolves with the exit status, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  private constructor(bundle: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, [bundle, "--log-format", "json", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#ended = true;
        this.#wake();
        resolve(code ?? signal ?? "unknown");
      });
    });
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.log.push(parse(line));
      this.#wake();
    });
  }

  /** Starts the daemon and waits until it serves. @param bundle path of its main file */
  static async start(bundle: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Daemon> {
    const daemon = new Daemon(bundle, args, env);
    await daemon.said(/^ready/);
    return daemon;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The first log line from number `from` on that matches. @throws when the daemon ends without one */
  async said(pattern: RegExp, from = 0): Promise<LogLine> {
    for (;;) {
      const found = this.log.slice(from).find(({ msg }) => pattern.test(msg));
      if (found !== undefined) return found;
      if (this.#ended) throw new DaemonError(`the daemon ended and never said ${pattern}:\n${this.transcript}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  get transcript(): string {
    return this.log.map(({ level, msg }) => `${level} ${msg}`).join("\n");
  }

  /** Open descriptors of the process, by what they are. */
  handles(): string[] {
    return readdirSync(`/proc/${this.pid}/fd`);
  }

  /** Of a daemon that was started with MEASURED. */
  async memory(): Promise<Memory> {
    const from = this.log.length;
    this.#child.kill("SIGUSR2");
    const [, held, resident] = (await this.said(/^memory /, from)).msg.split(" ").map((word) => Number(word) / 1024);
    return { held: held ?? Number.NaN, resident: resident ?? Number.NaN };
  }

  /** SIGTERM. @returns the exit status */
  stop(): Promise<number | string> {
    this.#child.kill("SIGTERM");
    return this.exited;
  }

  /** SIGUSR1: its device is left to the next daemon. @returns the exit status */
  leave(): Promise<number | string> {
    this.#child.kill("SIGUSR1");
    return this.exited;
  }

  /** SIGKILL. */
  kill(): Promise<number | string> {
    this.#child.kill("SIGKILL");
    return this.exited;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** A line that is not of the log's form (a crash of Node itself) is kept as text. */
function parse(line: string): LogLine {
  try {
    const { level, msg } = JSON.parse(line);
    return { level, msg: String(msg) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { level: "text", msg: line };
  }
}

export class DaemonError extends Error {
  override readonly name = "DaemonError";
}
