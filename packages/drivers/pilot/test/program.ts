// Programs of ours in TypeScript that a test runs as processes of their own. A client must never share a thread with
// the virtual hardware behind the device file: epoll_ctl() on a CUSE file asks the daemon, the daemon may be waiting for
// the hardware in a system call, and nobody would answer.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bundles a program, so that it starts in a moment also where the machine is slow. @returns the bundle's path */
export async function bundleProgram(name: string): Promise<string> {
  const entry = programOf(name);
  // Inside the package, where its native dependency is found.
  const outfile = join(dirname(entry), `../../build/${name}.mjs`);
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["serialport"],
    // CommonJS packages inside ask for Node's own modules.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  });
  return outfile;
}

/** A path below test/programs. */
function programOf(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
}

export interface Finished {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a bundle to its end. */
export async function runProgram(bundle: string, ...args: readonly string[]): Promise<Finished> {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status, out, err };
}

export interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** What one HotSync gave. */
export type Synced = { readonly done: Record<string, unknown> } | { readonly failed: string };

/** The program programs/hotsync.ts, running: one HotSync after the other through the device file. */
export class HotSyncProgram {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, answers: AsyncIterator<string>) {
    this.#child = child;
    this.#answers = answers;
  }

  /** @param user who it runs as; default: whoever runs the test */
  static async start(port: string, user: User = {}): Promise<HotSyncProgram> {
    const bundle = await bundleProgram("hotsync");
    const child = spawn(process.execPath, [bundle, port], { stdio: ["pipe", "pipe", "inherit"], ...user });
    return new HotSyncProgram(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
  }

  /** @param command of packages/testing/src/hotsync/commands.ts, with its operands */
  async sync(...command: readonly string[]): Promise<Synced> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const { value } = await this.#answers.next();
    return value === undefined ? { failed: "the program ended" } : JSON.parse(value);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}
