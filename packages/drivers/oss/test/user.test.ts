// Whose sound server a program's is, told by a real process.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { userOf } from "../src/backend/user.ts";

const running = new Set<() => void>();
afterEach(() => {
  for (const stop of running) stop();
  running.clear();
});

/** A program that has said that it runs, so that its environment is its own. */
async function program(env: Record<string, string>): Promise<number> {
  const child = spawn("/bin/sh", ["-c", "echo; read line"], { env, stdio: ["pipe", "pipe", "inherit"] });
  running.add(() => child.kill());
  await once(child.stdout, "data");
  return child.pid ?? 0;
}

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;

test("the variables that say where its server is, and no others", async () => {
  const pid = await program({ PULSE_SERVER: "unix:/tmp/a=b", HOME: "/home/x", PULSE_SERVERS: "no", SECRET: "s" });
  const expected = { uid, gid, environment: { PULSE_SERVER: "unix:/tmp/a=b", HOME: "/home/x" } };
  expect(await userOf({ pid, uid, gid: 0 })).toEqual(expected);
});

test("the user is who started it, whatever it runs as now", async () => {
  const pid = await program({});
  expect(await userOf({ pid, uid: 12_345, gid: 12_346 })).toEqual({ uid, gid, environment: {} });
});

test("a huge environment is looked at as far as is reasonable", async () => {
  const huge = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`A${index}`, "x".repeat(100_000)]));
  const pid = await program({ HOME: "/home/x", ...huge, PULSE_SERVER: "unix:/tmp/late" });
  expect((await userOf({ pid, uid, gid: 0 })).environment).toEqual({ HOME: "/home/x" });
});

test("of a program that is not there, or in another pid namespace, the user that the kernel named", async () => {
  expect(await userOf({ pid: 0, uid: 7, gid: 8 })).toEqual({ uid: 7, gid: 8, environment: {} });
  expect(await userOf({ pid: 2 ** 30, uid: 7, gid: 8 })).toEqual({ uid: 7, gid: 8, environment: {} });
});

test.runIf(uid === 0).each([
  ["of another user's", 0o755],
  ["that its user may not read, as that user may not read a setuid one's", 0o711],
])("the environment of a program %s", async (_what, mode) => {
  const folder = mkdtempSync(join(tmpdir(), "devlift-user-"));
  const program = join(folder, "cat");
  copyFileSync("/bin/cat", program);
  chmodSync(folder, 0o755);
  chmodSync(program, mode);
  const account = { uid: 54_321, gid: 54_322 };
  const child = spawn(program, { ...account, env: { HOME: "/home/x" }, stdio: ["pipe", "pipe", "inherit"] });
  running.add(() => {
    child.kill();
    rmSync(folder, { recursive: true });
  });
  child.stdin.write("it runs");
  await once(child.stdout, "data");
  expect(await userOf({ pid: child.pid ?? 0, ...account })).toEqual({ ...account, environment: { HOME: "/home/x" } });
});
