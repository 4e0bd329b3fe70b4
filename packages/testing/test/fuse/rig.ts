// What the FUSE tests share: a folder, a log, programs that run beside the test, and the daemon as a bundle of its own.
// The device is served by the test's own thread, so nothing here may look at its path synchronously.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Logger, native } from "@devlift/core";
import { build } from "esbuild";
import { afterAll, vi } from "vitest";

/** Bounds for a test that fails, not for one that passes. */
const LIMIT_MS = 30_000;
vi.setConfig({ testTimeout: 2 * LIMIT_MS, hookTimeout: 2 * LIMIT_MS });

/** A folder of the test file's own, which others may look into. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "devlift-fuse-"));
  chmodSync(folder, 0o755);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(program: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: LIMIT_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? 137), stdout, stderr });
    });
  });
}

/** Runs a script; $1 is `path`. */
export function shell(script: string, path: string): Promise<Ended> {
  return run("/bin/sh", "-c", script, "sh", path);
}

export class Lines implements Logger {
  readonly lines: string[] = [];
  debug = (): void => undefined;
  info = (_: object, message: string): void => void this.lines.push(`info ${message}`);
  warn = (_: object, message: string): void => void this.lines.push(`warn ${message}`);
  error = (_: object, message: string): void => void this.lines.push(`error ${message}`);
}

/** Bundles the daemon, with the addon beside it, for any user to run. @returns its path */
export async function buildDaemon(folder: string): Promise<string> {
  const outfile = join(folder, "daemon.mjs");
  const entry = fileURLToPath(new URL("daemon.ts", import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" });
  copyFileSync(native.addonPath(), join(folder, "devlift.node"));
  return outfile;
}

/** Starts the daemon and waits until it serves. */
export async function startDaemon(bundle: string, path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [bundle, path], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), once(child, "exit")]);
  if (line !== "serving") throw new DaemonError(`the daemon ended with ${String(line)}: ${said}`);
  return child;
}

export class DaemonError extends Error {
  override readonly name = "DaemonError";
}

/** Resolves when `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
