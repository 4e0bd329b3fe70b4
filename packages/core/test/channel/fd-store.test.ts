// What a process is given of the descriptors that its service manager keeps, and how it has them kept: clients/fd-store.c
// of @devlift/testing plays the manager of a process that does what a line of this file says.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { FdStore } from "../../src/channel/fd-store.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "devlift-store-"));
  execFileSync("cc", ["-Wall", "-o", join(folder, "fd-store"), path("../../../testing/clients/fd-store.c")]);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs steps as processes of one service, one after the other. @returns what was said, less the ends of those processes */
async function said(...steps: readonly string[]): Promise<string[]> {
  const file = join(folder, "step");
  const command = ["--import", import.meta.resolve("tsx"), path("store-step.ts"), file];
  const manager = spawn(join(folder, "fd-store"), [join(folder, "notify"), process.execPath, ...command], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void manager.kill());
  const lines: string[] = [];
  const left = [...steps];
  const next = () => {
    const step = left.shift();
    if (step === undefined) manager.stdin.end();
    else {
      writeFileSync(file, step);
      manager.stdin.write("start\n");
    }
  };
  next();
  for await (const line of createInterface({ input: manager.stdout })) {
    if (line === "#exited 0") next();
    else lines.push(line);
  }
  return lines;
}

test("what is kept is there in the next process, once, with what was written to it, and until it is forgotten", async () => {
  expect(await said("keep a one", "take a", "take a", "forget a", "take a")).toEqual([
    "#kept a",
    "a: one",
    "LISTEN_FDS undefined",
    "a: one",
    "LISTEN_FDS undefined",
    "#forgot a",
    "a: nothing",
    "LISTEN_FDS undefined",
  ]);
});

test("what nobody takes is forgotten", async () => {
  const lines = await said("keep a one", "keep b two", "rest b", "take a");
  expect(lines).toEqual(["#kept a", "#kept b", "b: two", "#forgot a", "a: nothing", "LISTEN_FDS undefined"]);
});

test("there is none without a manager that keeps descriptors, and it keeps no more than it may", () => {
  const store = (env: NodeJS.ProcessEnv) => FdStore.of({ env, pid: 1 });
  expect(store({})).toBeUndefined();
  expect(store({ NOTIFY_SOCKET: "/nowhere" })).toBeUndefined();
  expect(store({ NOTIFY_SOCKET: "/nowhere", FDSTORE: "0" })).toBeUndefined();
  expect(store({ FDSTORE: "1" })).toBeUndefined();
  const one = store({ NOTIFY_SOCKET: "/nowhere", FDSTORE: "1", LISTEN_FDS: "1", LISTEN_FDNAMES: "a", LISTEN_PID: "1" });
  expect(() => one?.keep("b", 0)).toThrow(expect.objectContaining({ code: "ENFILE" }));
  expect(one?.take("a")).toBe(3);
  expect(one?.take("a")).toBeUndefined();
  // They are another process's.
  const other = store({
    NOTIFY_SOCKET: "/nowhere",
    FDSTORE: "1",
    LISTEN_FDS: "1",
    LISTEN_FDNAMES: "a",
    LISTEN_PID: "2",
  });
  expect(other?.take("a")).toBeUndefined();
  expect(() => other?.keep("b", 0)).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
