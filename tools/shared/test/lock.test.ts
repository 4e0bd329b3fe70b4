// The lock between two that want it, and what a waiting one is told.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../errors.ts";
import { acquireLock, type Lock } from "../lock.ts";

let file: string;
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), "devlift-lock-")), "lock");
});
afterAll(async () => {
  await rm(join(file, ".."), { recursive: true, force: true });
});

test("the second one waits, knows for whom, and gets the lock when the first gives it back", async () => {
  const first = await acquireLock(file, { holder: "the first", onWait: () => undefined });
  const order: string[] = [];
  let second: Promise<Lock> | undefined;
  const holder = await new Promise<string>((resolve) => {
    second = acquireLock(file, { holder: "the second", onWait: resolve });
    second.then(
      () => order.push("second has it"),
      () => undefined,
    );
  });
  expect(holder).toBe("the first");
  order.push("first gives it back");
  await first.release();
  await (await second)?.release();
  expect(order).toEqual(["first gives it back", "second has it"]);
});

test("an abort ends the wait", async () => {
  const first = await acquireLock(file, { holder: "the first", onWait: () => undefined });
  const aborter = new AbortController();
  const options = { holder: "the second", onWait: () => aborter.abort(), signal: aborter.signal };
  await expect(acquireLock(file, options)).rejects.toThrow(ToolError);
  await first.release();
});

test("an abort that came before leaves the lock alone", async () => {
  const options = { holder: "nobody", onWait: () => undefined, signal: AbortSignal.abort() };
  const unmade = `${file}-unmade`;
  await expect(acquireLock(unmade, options)).rejects.toThrow(ToolError);
  expect(existsSync(unmade)).toBe(false);
});
