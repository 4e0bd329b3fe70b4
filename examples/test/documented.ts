// The lines that the examples' headers tell to type: the first starts the daemon, the others are typed to a shell while
// it runs.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";

export const examples: string = fileURLToPath(new URL("..", import.meta.url));
export const TIMEOUT = 60_000;

export function linesOf(name: string): readonly [string, ...string[]] {
  const [daemon, ...clients] = [...readFileSync(`${examples}/src/${name}.ts`, "utf8").matchAll(/^\/\/ {3}(.+)$/gm)].map(
    ([, line]) => line ?? "",
  );
  if (daemon === undefined) throw new TypeError(`${name}.ts has no lines to try`);
  return [daemon, ...clients];
}

/** A shell with a line, in a process group of its own that ends with the test. */
function shell(line: string): ChildProcessWithoutNullStreams {
  const child = spawn("sh", ["-c", line], { cwd: `${examples}/..`, detached: true, stdio: "pipe" });
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended.
    }
  });
  return child;
}

/** How many descriptors the processes of this machine have on a path. */
function openersOf(path: string): number {
  let count = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) if (readlinkSync(`/proc/${pid}/fd/${fd}`) === path) count++;
    } catch {
      // A process that has ended, or a descriptor that was closed, meanwhile.
    }
  }
  return count;
}

/** Types the lines. `prints` is what the clients print, together; one that follows has printed it by then and waits. */
export async function tryLines(
  lines: readonly [string, ...string[]],
  path: string,
  prints: string | RegExp,
): Promise<void> {
  const [start, ...clients] = lines;
  const daemon = shell(`exec ${start.replace(/ &$/, "")}`);
  daemon.stdout.once("data", () => daemon.stdin.write("typed at the terminal\n"));
  const exited = once(daemon, "exit");
  const log: string[] = [];
  for await (const line of createInterface({ input: daemon.stderr })) {
    log.push(line);
    if (line.includes(`serving ${path}`)) break;
  }
  expect(log.at(-1)).toMatch(/serving .* over (fuse|fusd)/);

  let printed = "";
  for (const [index, line] of clients.entries()) {
    const client = shell(line);
    client.stdout.on("data", (data: Buffer) => {
      printed += data;
    });
    client.stderr.on("data", (data: Buffer) => {
      printed += data;
    });
    // What is typed next is for readers that are there.
    if (index < clients.length - 1) await expect.poll(() => openersOf(path), { timeout: TIMEOUT }).toBe(2);
  }
  if (typeof prints === "string") await expect.poll(() => printed, { timeout: TIMEOUT }).toBe(prints);
  else await expect.poll(() => printed, { timeout: TIMEOUT }).toMatch(prints);

  daemon.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(existsSync(path)).toBe(false);
}
