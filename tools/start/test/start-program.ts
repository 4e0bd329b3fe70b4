// `npm start` as a process, behind what npm and the bootstrap add: what it prints, what it starts, how it ends.
// Lifetime: a StartProgram from its making to `ended`; endAll() after each test ends what a failed test has left.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const CLIENT = fileURLToPath(new URL("../../../packages/testing/src/hotsync/main.ts", import.meta.url));
const WITH_TYPESCRIPT = ["--import", import.meta.resolve("tsx")];

const programs = new Set<StartProgram>();

export class StartProgram {
  stdout = "";
  stderr = "";
  /** The exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(...args: readonly string[]) {
    this.#process = spawn(process.execPath, [...WITH_TYPESCRIPT, MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.#process.on("close", (code, signal) => {
        this.#isOver = true;
        this.#wake();
        resolve(code ?? signal ?? "unknown");
      });
    });
    programs.add(this);
  }

  /** Resolves when `pattern` has been printed so many times; rejects when it ends without. */
  async printed(pattern: RegExp, times = 1): Promise<void> {
    const each = new RegExp(pattern, `${pattern.flags}g`);
    while ((this.stdout.match(each) ?? []).length < times) {
      if (this.#isOver) throw new EarlyEnd(`it ended and never printed ${pattern}:\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  signal(name: NodeJS.Signals): Promise<number | string> {
    this.#process.kill(name);
    return this.ended;
  }

  /** The ids of its child processes. */
  children(): number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === this.#process.pid)
      .map(Number);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

export class EarlyEnd extends Error {
  override readonly name = "EarlyEnd";
}

/** For afterEach. What was started ends by itself then, as one of the tests shows. */
export async function endAll(): Promise<void> {
  for (const program of programs) program.kill();
  await Promise.all([...programs].map((program) => program.ended));
  programs.clear();
}

/** A HotSync by another program. @returns the names of the databases on the handheld */
export async function syncWith(port: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[...WITH_TYPESCRIPT, CLIENT, "--port", port, "--timeout", "600", "--json", "list"],
  ]);
  const { databases }: { databases: { name: string }[] } = JSON.parse(stdout);
  return databases.map(({ name }) => name);
}

/** Waits until the processes and the file, or link, have gone; the test's time limit is the only one. */
export async function gone(processes: readonly number[], path: string): Promise<void> {
  const isThere = () => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  while (processes.some((pid) => parentOf(pid) !== undefined) || isThere()) await sleep(20);
}

/** Undefined when there is no such process, or when all that is left of it is its status (proc(5), stat). */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}
