// Judges that were not written here, on devices that are served here: libfuse's CUSE example client, and stress-ng.
// Kernels: 6.12, 6.1

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Channel, cuse, defineDevice, type Logger, POLL, serve, wouldBlock } from "@devlift/core";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { cusexmp } from "../judges/cusexmp.ts";

/** Where Debian's libfuse3-dev has libfuse's examples. */
const EXAMPLES = "/usr/share/doc/libfuse3-dev/examples";
const built = mkdtempSync(join(tmpdir(), "devlift-judges-"));
const client = join(built, "cuse_client");
const server = join(built, "cuse");

interface Outcome {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Not synchronously: it waits for a device that this thread serves. */
function run(program: string, args: readonly string[], stdin = ""): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("latin1").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("latin1").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ status: code ?? signal ?? "unknown", stdout, stderr }));
    child.stdin.end(stdin);
  });
}

beforeAll(() => {
  execFileSync("modprobe", ["cuse"]);
  execFileSync("cc", ["-o", client, join(EXAMPLES, "cuse_client.c")]);
  const flags = ["-D_FILE_OFFSET_BITS=64", "-I/usr/include/fuse3"];
  execFileSync("cc", ["-w", ...flags, "-o", server, join(EXAMPLES, "cuse.c"), "-lfuse3"]);
});

const data = "some test data";

/** What libfuse's own test does with its example (test/test_examples.py), and further what the client can ask. */
const ROUND_TRIP: readonly (readonly [args: readonly string[], stdin?: string])[] = [
  [["s"]],
  [["w", String(data.length), "5"], data],
  [["s"]],
  [["r", String(5 + data.length + 2), "0"]],
  [["r", "4", "5"]],
  [["r", "100", "1000"]],
  [["r", "0", "0"]],
  [["s", "8"]],
  [["s"]],
  [["r", "100", "0"]],
  [["s", "0"]],
  [["s"]],
  [["w", "65536", "0"], "0123456789abcdef".repeat(4096)],
  [["r", "65536", "0"]],
  [["s", "100000"]],
  [["r", "40000", "60000"]],
];

async function roundTrip(path: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [args, stdin] of ROUND_TRIP) outcomes.push(await run(client, [path, ...args], stdin));
  return outcomes;
}

describe("libfuse's CUSE example client", () => {
  let channel: Channel | undefined;
  let theirs: ChildProcess | undefined;

  afterEach(async () => {
    await channel?.close();
    channel = undefined;
    theirs?.kill();
    theirs = undefined;
  });

  test("gets from our port of its server what it gets from libfuse's", async () => {
    channel = await serve(cusexmp("judge-ours"), { channel: cuse });
    const ours = await roundTrip(channel.path);
    expect(ours.slice(0, 4)).toEqual([
      { status: 0, stdout: "0\n", stderr: "" },
      { status: 0, stdout: "", stderr: expect.stringContaining("transferred 14 bytes (0 -> 19)") },
      { status: 0, stdout: "19\n", stderr: "" },
      { status: 0, stdout: `\0\0\0\0\0${data}`, stderr: "transferred 19 bytes (19 -> 19)\n" },
    ]);

    theirs = spawn(server, ["-f", "--name=judge-theirs"], { stdio: "inherit" });
    // Its node comes when it is ready; there is no other word of it.
    await expect.poll(() => existsSync("/dev/judge-theirs"), { timeout: 60_000 }).toBe(true);
    expect(ours).toEqual(await roundTrip("/dev/judge-theirs"));
  });
});

describe("stress-ng", () => {
  test("--dev on our nodes: it finds no fault, the log has none, and the device works as before", async () => {
    const complaints: string[] = [];
    const complain = (_: object, message: string) => void complaints.push(message);
    const log: Logger = { debug: () => undefined, info: () => undefined, warn: complain, error: complain };
    let held = new Uint8Array(0);
    const pipe = defineDevice({
      name: "judge-pipe",
      read({ length }) {
        if (held.length === 0) return wouldBlock;
        const given = held.subarray(0, length);
        held = held.subarray(given.length);
        pipe.writable();
        return given;
      },
      write({ data }) {
        const taken = data.subarray(0, 4096 - held.length);
        if (taken.length === 0) return wouldBlock;
        held = Uint8Array.from([...held, ...taken]);
        pipe.readable();
        return taken.length;
      },
      poll: () => (held.length > 0 ? POLL.IN : 0) | (held.length < 4096 ? POLL.OUT : 0),
    });
    const always = defineDevice({
      name: "judge-always",
      read: ({ length }) => new Uint8Array(length),
      write: ({ data }) => data.length,
    });
    const devices = [pipe, always, cusexmp("judge-memory")];
    const channels = await Promise.all(devices.map((device) => serve(device, { channel: cuse, log })));
    try {
      for (const { path } of channels) {
        const outcome = await run("stress-ng", ["--dev", "1", "--dev-file", path, "--dev-ops", "10", "--timeout", "8"]);
        expect(outcome.stderr + outcome.stdout).toContain("successful run completed");
        expect(outcome.status).toBe(0);
      }
      expect(complaints).toEqual([]);
      expect(devices.map((device) => device.files.size)).toEqual([0, 0, 0]);
      const path = "/dev/judge-memory";
      expect(await run(client, [path, "w", "5", "0"], "after")).toMatchObject({ status: 0 });
      expect(await run(client, [path, "r", "5", "0"])).toMatchObject({ stdout: "after" });
    } finally {
      await Promise.all(channels.map((channel) => channel.close()));
    }
  }, 240_000);
});
