// The echo drivers in other languages, on the module in kernel/fusd: they pass what echo.ts passes.
// Kernels: 6.12, 6.1

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { checkEcho } from "./real-kernel.ts";

beforeAll(() => {
  execFileSync("modprobe", ["fusd"]);
});

test.each([
  ["python3", "echo.py"],
  ["perl", "echo.pl"],
])("%s: echo", async (interpreter, file) => {
  const name = `echo-${interpreter}`;
  const source = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  const driver = spawn(interpreter, [source, name], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    driver.kill("SIGKILL");
  });
  const [said] = await once(createInterface(driver.stdout), "line");
  expect(said).toBe(`/dev/${name}`);
  await checkEcho(`/dev/${name}`);
});
