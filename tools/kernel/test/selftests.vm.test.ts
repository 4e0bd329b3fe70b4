// kernel/fusd/selftests, each program by 64 and by 32 bit, a test a point.
// Kernels: 6.12, 6.1, debug

import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import { BITS } from "../build.ts";
import { SOURCES } from "../sources.ts";
import { readTap, type TapRun } from "../tap.ts";

/** Milliseconds that a program may take: a bound for what is stuck. */
const LIMIT = 300_000;

/** Set in the virtual machine when the module could be built for it. */
const folder = process.env["DEVLIFT_FUSD"];
if (folder === undefined) throw new ToolError("there is no module in this machine: npm run kernel:build says why");

/**
 * The debug kernel takes many times as long, most of all for what starts processes: there, what goes by chance goes
 * shorter. Its long forms are by hand: kernel/fusd/README.md.
 */
const SHORTER: Readonly<Record<string, readonly string[]>> = existsSync("/sys/kernel/debug/kmemleak")
  ? { stress: ["--kills", "20"], fuzz: ["--operations", "25000"] }
  : {};

/** Runs a program to its end. */
function outcome(program: string): Promise<TapRun> {
  return new Promise((resolve) => {
    const args = SHORTER[basename(program)] ?? [];
    execFile(program, args, { timeout: LIMIT, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const ending = error === null ? 0 : (error.signal ?? error.code ?? error.message);
      const { points, complaints } = readTap(stdout, ending);
      // A program that ends well has nothing to say aside.
      resolve({ points, complaints: stderr === "" ? complaints : [...complaints, stderr] });
    });
  });
}

const programs = readdirSync(join(SOURCES, "selftests"))
  .filter((name) => name.endsWith(".c"))
  .map((name) => basename(name, ".c"));

execFileSync("modprobe", ["fusd"]);
afterAll(() => {
  execFileSync("modprobe", ["-r", "fusd"]);
});

for (const bits of BITS) {
  for (const program of programs) {
    const { points, complaints } = await outcome(join(folder, "selftests", bits, program));
    describe(`${program}, ${bits} bit`, () => {
      test("all that is planned is told, and the program ends well", () => {
        expect(complaints).toEqual([]);
      });
      for (const { name, passed, diagnosis } of points) {
        test(name, () => {
          expect(passed, diagnosis.join("\n")).toBe(true);
        });
      }
    });
  }
}
