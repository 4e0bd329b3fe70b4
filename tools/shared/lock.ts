// Lock: a file lock that the kernel holds for a helper process (flock(1) of util-linux), for as long as this
// process wants it or lives. The helper ends with its standard input, so a killed process leaves no stale lock.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { ToolError } from "./errors.ts";

/** A held lock; `release` is to be called once, and resolves when the next one can have it. */
export interface Lock {
  readonly release: () => Promise<void>;
}

export interface LockOptions {
  /** Called once with a description of the holder, when the lock is not free at once. */
  readonly onWait: (holder: string) => void;
  /** What the next one who waits reads about us. */
  readonly holder: string;
  readonly signal?: AbortSignal;
}

/** How long flock(1) may take before we say that we wait, in milliseconds. */
const PATIENCE = 300;

/**
 * Waits for the lock on `file` (created when missing) and takes it.
 * @throws ToolError when flock(1) cannot run, or when `signal` aborts the wait
 */
export async function acquireLock(file: string, options: LockOptions): Promise<Lock> {
  if (options.signal?.aborted) throw new ToolError(`did not get the lock ${file}`, { cause: options.signal.reason });
  const helper = spawn("flock", [file, "sh", "-c", "echo locked; exec cat"], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(helper, "close").catch((cause: unknown) => {
    throw new ToolError("flock(1) of util-linux does not run", { cause });
  });
  const waiting = setTimeout(async () => {
    options.onWait((await readFile(file, "utf8").catch(() => "")).trim() || "another process");
  }, PATIENCE);
  const abort = () => helper.kill("SIGKILL");
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    const taken = await Promise.race([once(helper.stdout, "data").then(() => true), ended.then(() => false)]);
    if (!taken || options.signal?.aborted) throw new ToolError(`did not get the lock ${file}`);
  } finally {
    clearTimeout(waiting);
    options.signal?.removeEventListener("abort", abort);
  }
  await writeFile(file, `${options.holder}\n`);
  return {
    release: async () => {
      helper.stdin.end();
      await ended;
    },
  };
}
