// `devlift status`, `top` and `trace` of a running daemon, as lines in a pipe.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Daemon } from "@devlift/testing/daemon";
import { afterAll, beforeAll, expect, test } from "vitest";

const DEVLIFT = fileURLToPath(new URL("../dist/devlift.mjs", import.meta.url));
const OSS = fileURLToPath(new URL("../../drivers/oss/dist/devlift-oss.mjs", import.meta.url));
const run = promisify(execFile);

let folder: string;
let control: readonly string[];
let daemon: Daemon;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "devlift-live-"));
  control = ["--control", join(folder, "socket")];
  const devices = ["--dsp", "none", "--adsp", "none", "--audio", "none", "--mixer", "none"];
  daemon = await Daemon.start(OSS, ["--channel", "fuse", "--folder", folder, ...control, ...devices]);
});
afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  rmSync(folder, { recursive: true });
});

const page = () => readFileSync(join(folder, "sndstat"), "utf8");

test("status is text, JSON or metrics of the same daemon", async () => {
  page();
  const said = async (...words: string[]) => (await run(DEVLIFT, ["status", ...words, ...control])).stdout;
  expect(await said()).toMatch(/^devlift-oss \S+, process \d+, up \d+ s, \d+ MB\nserver: /);
  expect(JSON.parse(await said("oss", "--json"))).toMatchObject({
    daemon: "devlift-oss",
    pid: daemon.pid,
    devices: [{ path: join(folder, "sndstat"), channel: "fuse", counts: { calls: { open: 1 } } }],
  });
  expect(await said("--metrics")).toContain('devlift_info{driver="oss",');
});

test("top is a line a device and second, with what it did", async () => {
  const top = spawn(DEVLIFT, ["top", "oss", "--json", "--count", "3", ...control], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(top, "exit");
  let calls = 0;
  for await (const line of createInterface({ input: top.stdout })) {
    calls += JSON.parse(line).callsPerSecond;
    page();
  }
  expect(await ended).toEqual([0, null]);
  expect(calls).toBeGreaterThan(0);
  const { stdout } = await run(DEVLIFT, ["top", "--count", "1", ...control]);
  expect(stdout).toMatch(/^DRIVER +DEVICE .*\noss +\/\S+sndstat +0 .*\n$/);
});

test("trace shows the calls while it watches, and ends when nobody reads it", async () => {
  const trace = spawn(DEVLIFT, ["trace", "oss", ...control], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(trace, "exit");
  await daemon.said(/watches/);
  page();
  for await (const line of createInterface({ input: trace.stdout })) {
    expect(line).toMatch(/^(-|\d+ .*) {2}sndstat: .* <[\d.]+>$/);
    if (/sndstat: open\(O_RDONLY\) = \d+ /.test(line)) break;
  }
  trace.stdout.destroy();
  // It writes into a pipe that nobody has: at the next line.
  const reading = setInterval(page, 50);
  expect(await ended).toEqual([0, null]);
  clearInterval(reading);
});

test.each([
  ["status", "--control", "/nowhere"],
  ["top", "none"],
  ["trace", "--control", "/nowhere"],
])("where no daemon is, %s says so and ends with 1", async (...args) => {
  await expect(run(DEVLIFT, args)).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^devlift: no /),
  });
});
