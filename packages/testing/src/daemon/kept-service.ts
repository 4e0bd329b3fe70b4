// A daemon under what keeps its descriptors while it is started anew (clients/fd-store.c), as a service under systemd.
// Lives until close(), or until its test's end.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DaemonError } from "./daemon.ts";

const source = fileURLToPath(new URL("../../clients/fd-store.c", import.meta.url));

export class KeptService {
  /** What the daemon has said on its standard output and in its log, and what was said of it. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  /** @param command what is started by start() */
  constructor(command: readonly string[]) {
    this.#folder = mkdtempSync(join(tmpdir(), "devlift-kept-"));
    const program = join(this.#folder, "fd-store");
    execFileSync("cc", ["-Wall", "-O1", "-o", program, source], { stdio: "inherit" });
    this.#child = spawn(program, [join(this.#folder, "notify"), ...command], { stdio: ["pipe", "pipe", "pipe"] });
    for (const input of [this.#child.stdout, this.#child.stderr])
      if (input !== null)
        createInterface({ input }).on("line", (line) => {
          this.lines.push(line);
          this.#wake();
        });
    this.#child.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Starts the daemon. @returns the number of the first of its lines */
  start(): number {
    this.#child.stdin?.write("start\n");
    return this.lines.length;
  }

  /** @returns the exit status; 128 + n: by signal n */
  async end(signal: NodeJS.Signals): Promise<number> {
    const from = this.lines.length;
    this.#child.stdin?.write(`signal ${constants.signals[signal]}\n`);
    return Number((await this.said(/^#exited /, from)).slice("#exited ".length));
  }

  get transcript(): string {
    return this.lines.join("\n");
  }

  /** The first line from number `from` on that matches. */
  async said(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.lines.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#ended) throw new DaemonError(`nobody said ${pattern}:\n${this.transcript}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Names of what is kept now. */
  get kept(): string[] {
    const names = new Set<string>();
    for (const line of this.lines) {
      const [what, name = ""] = line.split(" ");
      if (what === "#kept") names.add(name);
      if (what === "#forgot") names.delete(name);
    }
    return [...names].sort();
  }

  /** Kills the daemon, and keeps nothing any more. */
  async close(): Promise<void> {
    if (!this.#ended) {
      const closed = new Promise((resolve) => this.#child.on("close", resolve));
      this.#child.stdin?.end();
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
