// A driver's daemon as a person runs it, with its device as a file.

import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Daemon } from "@devlift/testing/daemon";
import { expect, onTestFinished, test } from "vitest";

const MAIN = fileURLToPath(new URL("driver-daemon.ts", import.meta.url));
const NODE_OPTIONS = `--import ${import.meta.resolve("tsx")}`;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "devlift-driver-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function call(...args: readonly string[]) {
  const env = { ...process.env, NODE_OPTIONS };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    env,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

test("it serves until SIGTERM, says how it is, and gives back device file before hardware", async () => {
  const path = join(folder(), "greeting");
  const control = join(folder(), "control");
  const daemon = await Daemon.start(MAIN, ["--channel=fuse", `--path=${path}`, `--control=${control}`], {
    NODE_OPTIONS,
  });
  onTestFinished(async () => void (await daemon.stop()));
  expect((await promisify(execFile)("cat", [path])).stdout).toBe("hello\n");
  const { stdout } = call("status", "--json", `--control=${control}`);
  expect(JSON.parse(stdout)).toMatchObject({
    daemon: "devlift-greeting",
    version: "1.2.3",
    devices: [{ path }],
    status: { greetings: 1 },
  });
  expect(await daemon.stop()).toBe(0);
  expect(daemon.log.map(({ msg }) => msg).slice(-2)).toEqual([
    "SIGTERM: freeing programs and removing the device files",
    "given back",
  ]);
  expect(existsSync(path)).toBe(false);
});

test("what is wrong with a command line, and what is wrong with the machine, are two things", () => {
  expect(call("--channel=ether")).toMatchObject({ status: 2, stdout: "" });
  expect(call("--path=greeting")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--path greeting: give the whole path"),
  });
  const { status, stderr } = call("--channel=fuse", "--path=/dev/null/greeting");
  expect([status, stderr]).toEqual([1, expect.stringContaining("given back")]);
});

test("--help has the examples", () => {
  const { status, stdout } = call("--help");
  expect([status, stdout]).toEqual([
    0,
    expect.stringContaining("Examples:\n  devlift-greeting       a greeting\n\nIt"),
  ]);
  expect(stdout).toMatch(/^devlift-greeting: greets\n\nUsage: devlift-greeting \[options\]\n/);
});
