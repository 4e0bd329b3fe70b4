// Who watches a running daemon: the lines of its trace while somebody reads them, what is left out for who does not, its
// metrics, and that it ends when nobody uses it.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { askDaemon } from "../src/control/ask.ts";
import { linesOf } from "../src/control/lines.ts";
import { type ServedStream, serveStream } from "./served-stream.ts";

async function served(...args: string[]): Promise<ServedStream> {
  const stream = await serveStream(...args);
  onTestFinished(async () => void (await stream.stop()));
  return stream;
}

/** Begins to watch. Nothing is read until the answer is. */
function watch(socketPath: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: "/trace", agent: false }, resolve).on("error", reject);
  });
}

test("who does not read what a daemon says is told how much was left out, and stops nobody", async () => {
  const { control, path, daemon } = await served();
  const deaf = await watch(control);
  const file = await open(path);
  const buffer = new Uint8Array(4096);
  // More lines than the sockets and the daemon's own bound take: each has 100 bytes and more.
  const READS = 20_000;
  for (let reads = 0; reads < READS; reads++) expect((await file.read(buffer, 0, 4096, null)).bytesRead).toBe(4096);
  const { residentBytes } = await askDaemon(control);
  expect(residentBytes).toBeLessThan(200 << 20);
  let read = 0;
  let dropped = 0;
  for await (const line of linesOf(deaf, 64 << 10)) {
    const event: { line?: string; dropped?: number } = JSON.parse(line);
    read += event.line?.includes("read(") ? 1 : 0;
    dropped += event.dropped ?? 0;
    if (dropped > 0) break;
  }
  expect(dropped).toBeGreaterThan(0);
  // The opening line is one of those that came, and of what was left out nothing else.
  expect(read + dropped).toBe(READS);
  await file.close();
  // Nobody watches: nothing is traced any more.
  await expect.poll(() => daemon.log.filter(({ msg }) => /watches/.test(msg)).length).toBe(1);
});

/** One line of Prometheus' text format: a comment, or a sample with its labels. */
const LINE =
  /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{[a-z]+="(\\.|[^"\\])*"(,[a-z]+="(\\.|[^"\\])*")*\} -?[0-9.]+(e[+-]?[0-9]+)?)$/;

test("the metrics are well-formed text, by curl too, and count what programs did", async () => {
  const { control, path } = await served();
  const file = await open(path);
  for (let reads = 0; reads < 40; reads++) await file.read(new Uint8Array(100), 0, 100, null);
  const url = ["--silent", "--fail", "--unix-socket", control, "http://devlift/metrics"];
  const { stdout } = await promisify(execFile)("curl", url);
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines) expect(line).toMatch(LINE);
  const types = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
  expect(new Set(types).size).toBe(types.length);
  const labels = `driver="stream",device="${path}",channel="fuse"`;
  expect(lines).toContain(`devlift_calls_total{${labels},call="read"} 40`);
  expect(lines).toContain(`devlift_read_bytes_total{${labels}} 4000`);
  expect(lines).toContain(`devlift_open_files{${labels}} 1`);
  const buckets = lines
    .filter((line) => line.startsWith("devlift_call_duration_seconds_bucket"))
    .map((line) => Number(line.split(" ").at(-1)));
  expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
  expect(lines).toContain(`devlift_call_duration_seconds_count{${labels}} ${buckets.at(-1)}`);
  await file.close();
});

test("with --idle-exit it ends with status 0 when nobody has used it for so long, and not before", async () => {
  const { daemon, path, control } = await served("--idle-exit", "2");
  const file = await open(path);
  const { clients } = (await askDaemon(control)).devices[0] ?? {};
  expect(clients).toMatchObject([{ pid: process.pid, program: readFileSync("/proc/self/comm", "utf8").trim() }]);
  const uptime = async () => (await askDaemon(control)).uptimeSeconds;
  await expect.poll(uptime, { timeout: 30_000 }).toBeGreaterThan(4);
  await file.close();
  expect(await daemon.exited).toBe(0);
  expect(daemon.log.map(({ msg }) => msg)).toContain("nobody has used it for 2 s: ending");
});
