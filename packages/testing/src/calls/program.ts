// A C program that makes the system calls that a test names (clients/calls.c), so that what the test sees is what any
// program sees. Compiled where it is used, for 64 or 32 bits. Lives until stop(), or until its test's end.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../../clients/calls.c", import.meta.url));
const built = mkdtempSync(join(tmpdir(), "devlift-clients-"));

/** For 64 or 32 bits; or for 64 bits and linked statically, so that nothing can be put between it and the kernel. */
export type CallsBuild = 64 | 32 | "static";

/** Compiles the program once a process. @returns its path */
export function buildCalls(build: CallsBuild): string {
  const path = join(built, `calls${build}`);
  const option = build === "static" ? "-static" : `-m${build}`;
  if (!existsSync(path)) execFileSync("cc", ["-O1", option, "-o", path, source], { stdio: "inherit" });
  return path;
}

/** How a program is run that is not simply ours. */
export interface CallsRun {
  /** A copy of what buildCalls() made. */
  readonly path?: string;
  /** Whom it runs as; default: as we do. */
  readonly uid?: number;
}

/** What a call gave: `result` as the call returned it, or the errno that it failed with. */
export interface CallResult {
  readonly result: number;
  /** Positive errno when result is -1, else 0. */
  readonly errno: number;
  /** What was read, or what an ioctl left in its argument. */
  readonly data: Uint8Array;
}

/** A running program. Calls are made one after the other; a blocking one holds up those after it. */
export class CallsProgram {
  readonly #child: ChildProcess;
  readonly #answers: ((line: string | undefined) => void)[] = [];
  /** Resolves with the exit status, or the name of the signal that ended the program. */
  readonly exited: Promise<number | string>;

  /** @param env default: ours */
  constructor(build: CallsBuild = 64, env: NodeJS.ProcessEnv = process.env, { path, uid }: CallsRun = {}) {
    const user = uid === undefined ? {} : { uid, gid: uid };
    const child = spawn(path ?? buildCalls(build), { stdio: ["pipe", "pipe", "inherit"], env, ...user });
    this.#child = child;
    this.exited = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal ?? "unknown")));
    createInterface({ input: child.stdout }).on("line", (line) => this.#answers.shift()?.(line));
    child.on("exit", () => {
      for (const answer of this.#answers.splice(0)) answer(undefined);
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async #call(...words: readonly (string | number)[]): Promise<CallResult> {
    const line = await new Promise<string | undefined>((resolve) => {
      this.#answers.push(resolve);
      this.#child.stdin?.write(`${words.join(" ")}\n`);
    });
    if (line === undefined) throw new CallsError(`the program ended during: ${words.join(" ")}`);
    const [result, second, third] = line.split(" ");
    if (result === "-1") return { result: -1, errno: Number(third), data: new Uint8Array(0) };
    return { result: Number(result), errno: 0, data: Buffer.from(second ?? "", "hex") };
  }

  open(name: string, path: string, flags: number): Promise<CallResult> {
    return this.#call("open", name, path, flags);
  }
  close(name: string): Promise<CallResult> {
    return this.#call("close", name);
  }
  dup2(name: string, to: string): Promise<CallResult> {
    return this.#call("dup2", name, to);
  }
  /** fcntl(F_SETFL) with or without O_NONBLOCK. */
  nonBlock(name: string, on: boolean): Promise<CallResult> {
    return this.#call("nonblock", name, on ? 1 : 0);
  }
  read(name: string, length: number): Promise<CallResult> {
    return this.#call("read", name, length);
  }
  write(name: string, data: Uint8Array): Promise<CallResult> {
    return this.#call("write", name, Buffer.from(data).toString("hex"));
  }
  /** Writes `length` bytes of fillPattern(). */
  fill(name: string, length: number): Promise<CallResult> {
    return this.#call("fill", name, length);
  }
  /** With a value in place of a pointer. */
  ioctl(name: string, request: number, value: number): Promise<CallResult> {
    return this.#call("ioctl", name, request, value);
  }
  /** With a pointer to `data`, which comes back as the call left it; without `data`, to 64 zeros. */
  ioctlBuffer(name: string, request: number, data?: Uint8Array): Promise<CallResult> {
    return this.#call("ioctlbuf", name, request, data === undefined ? "-" : Buffer.from(data).toString("hex"));
  }
  /** @returns revents as result */
  poll(name: string, events: number, ms: number): Promise<CallResult> {
    return this.#call("poll", name, events, ms);
  }
  /** With a new epoll instance. @returns the events as result, 0 when the time is over */
  epoll(name: string, events: number, ms: number): Promise<CallResult> {
    return this.#call("epoll", name, events, ms);
  }
  /** @returns 1 for readable, 2 for writable, or both, as result */
  select(name: string, what: "r" | "w" | "rw", ms: number): Promise<CallResult> {
    return this.#call("select", name, what, ms);
  }
  /** A signal with a handler every `ms` milliseconds from now on; 0: no more. "restart": with SA_RESTART. */
  signals(ms: number, restart?: "restart"): Promise<CallResult> {
    return this.#call("signals", ms, restart === undefined ? 0 : 1);
  }

  /** Ends the program, whatever it is doing. */
  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}

/** What fill() writes. */
export function fillPattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7 + Math.floor(index / 251));
}

export class CallsError extends Error {
  override readonly name = "CallsError";
}
