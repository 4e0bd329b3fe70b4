// Reading vitest's reports: one that vitest itself wrote, and those that must not pass for a green one.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import { readReport } from "../report.ts";

const ROOT = join(import.meta.dirname, "../../..");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "devlift-report-"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs vitest on test files with these sources, and reads its report. */
async function readRun(files: Readonly<Record<string, string>>) {
  await writeFile(join(folder, "vitest.config.ts"), 'export default { test: { include: ["*.gen.ts"] } };\n');
  const import_ = 'import { beforeAll, describe, expect, test } from "vitest";\n';
  for (const [name, source] of Object.entries(files)) await writeFile(join(folder, `${name}.gen.ts`), import_ + source);
  const report = join(folder, "report.json");
  const args = ["run", "--root", folder, "--reporter=json", `--outputFile.json=${report}`];
  const status = await new Promise<number>((resolve) => {
    execFile(join(ROOT, "node_modules/.bin/vitest"), args, (error) => resolve(Number(error?.code ?? 0)));
  });
  for (const name of Object.keys(files)) await rm(join(folder, `${name}.gen.ts`));
  const { passed, failures, skipped } = readReport(await readFile(report, "utf8"), status);
  const shorten = (name: string) => name.replaceAll(`${folder}/`, "");
  return { passed, failures: failures.map(shorten).sort(), skipped: skipped.map(shorten) };
}

test("passed, failed and skipped tests are told apart, and files that do not load are failures", async () => {
  const result = await readRun({
    good: 'describe("d", () => { test("one", () => { expect(1).toBe(1); }); });',
    bad: 'test("two", () => { expect(1).toBe(2); }); test.skip("three", () => {});',
    hook: 'beforeAll(() => { throw new Error("no hardware"); }); test("four", () => {});',
    broken: 'throw new Error("does not load");',
    empty: "",
  });
  expect(result).toEqual({
    passed: 1,
    failures: [
      "bad.gen.ts: two: AssertionError: expected 1 to be 2 // Object.is equality",
      "broken.gen.ts: does not load",
      expect.stringMatching(/^empty\.gen\.ts: No test suite found/),
      "hook.gen.ts: no hardware",
    ],
    skipped: ["bad.gen.ts: three", "hook.gen.ts: four"],
  });
});

test("an error outside of any test is a failure", async () => {
  const source = 'test("one", () => { Promise.reject(new Error("late")); });';
  const { passed, failures } = await readRun({ rejects: source });
  expect({ passed, failures }).toEqual({ passed: 1, failures: ["vitest ended with status 1 though no test failed"] });
});

test("what is no report is an error", () => {
  expect(() => readReport("", 0)).toThrow(ToolError);
  expect(() => readReport("{}", 0)).toThrow(ToolError);
  expect(readReport('{"testResults":[{"name":"a","assertionResults":[]}]}', 0).failures).toEqual(["a: has no tests"]);
});
