// The lines that the examples' headers tell to type do what they should: the first starts the daemon, the others are
// typed to a shell while it runs. The README's table has the same lines.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const examples = fileURLToPath(new URL("..", import.meta.url));
const TIMEOUT = 60_000;

/** What the shell prints; a client that follows has printed it by then and waits. */
const PRINTS: Readonly<Record<string, string | RegExp>> = {
  null: "0\n",
  helloworld: "Hello, world!\n",
  echo: "HI THERE\nHI THERE\n",
  "uid-filter": /^You are cat, your PID is \d+\. Have a nice day\.\ncat: .*: Operation not permitted\n$/,
  drums: "bam\nBAM!!!!!\nBANG!!!!!\nBEAT!!!!!\nBOOM!!!!!\nBUM!!!!!\n",
  "console-read": "typed at the terminal\n",
  ioctl: "HEY",
  pager: "dinner\ndinner\n",
  clock: /^([0-9T:-]+\.000Z\n){2,}$/,
  logring: "one\ntwo\n",
};

function linesOf(name: string): readonly [string, ...string[]] {
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

test.each(Object.entries(PRINTS))("%s", { timeout: 2 * TIMEOUT }, async (name, prints) => {
  const folder = mkdtempSync(join(tmpdir(), "devlift-documented-"));
  // Another user is a client of one of them.
  chmodSync(folder, 0o755);
  // As typed, but for the folder: this machine's /tmp may have such a name already.
  const [start, ...clients] = linesOf(name).map((line) => line.replaceAll("/tmp/", `${folder}/`));
  if (start === undefined) throw new TypeError(`${name}.ts has no line that starts it`);
  const path = /--path (\S+)/.exec(start)?.[1] ?? "/dev/drums/volume";
  const daemon = shell(`exec ${start.replace(/ &$/, "")}`);
  daemon.stdout.once("data", () => daemon.stdin.write("typed at the terminal\n"));
  const exited = once(daemon, "exit");
  const log: string[] = [];
  for await (const line of createInterface({ input: daemon.stderr })) {
    log.push(line);
    if (line.includes(`serving ${path}`)) break;
  }
  expect(log.at(-1)).toMatch(/serving .* over fuse/);

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
  rmdirSync(folder);
});

test("the README has every example, with the lines of its header", () => {
  const readme = readFileSync(`${examples}/README.md`, "utf8");
  const sources = readdirSync(`${examples}/src`).filter((file) => file !== "is-main.ts");
  for (const file of sources) expect(readme).toContain(`(src/${file})`);
  const here = sources.filter((file) => file.endsWith(".ts")).map((file) => file.replace(".ts", ""));
  expect(here.sort()).toEqual(Object.keys(PRINTS).sort());
  for (const name of Object.keys(PRINTS)) {
    expect(readme).toContain(`[${name}](src/${name}.ts)`);
    for (const line of linesOf(name).slice(1)) expect(readme).toContain(`\`${line}\``);
  }
  for (const line of linesOf("echo")) expect(readme).toContain(`\n${line}\n`);
});
