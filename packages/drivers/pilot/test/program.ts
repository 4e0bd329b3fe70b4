// Programs of ours in TypeScript that a test runs as processes of their own. A client must never share a thread with
// the virtual hardware behind the device file: epoll_ctl() on a CUSE file asks the daemon, the daemon may be waiting for
// the hardware in a system call, and nobody would answer.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The HotSync client of packages/testing. */
export const HOTSYNC = fileURLToPath(new URL("../../../testing/src/hotsync/main.ts", import.meta.url));

/** Bundles a program, so that it starts in a moment also where the machine is slow. @returns the bundle's path */
export async function bundleProgram(entry: string): Promise<string> {
  // Beside the source's package, where its native dependency is found.
  const outfile = join(dirname(entry), `../../build/${basename(entry, ".ts")}.mjs`);
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
