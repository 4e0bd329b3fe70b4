// What is checked in is what the generator makes of this machine's headers, and `--check` can tell.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { annotationFiles, checkFile, nameOf } from "../cli.ts";
import { generate, outputOf, ROOT } from "../generate.ts";

// A failure bound: each runs a handful of compilers.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "devlift-ioctlgen-"));
afterAll(() => rmSync(folder, { recursive: true }));

const files = await annotationFiles();

test("the annotation files are found", () => {
  expect(files.map(nameOf)).toEqual(expect.arrayContaining(["i2c", "ppdev", "soundcard", "termios", "usbdevice_fs"]));
});

test.each(files.map((file) => [nameOf(file), file]))("%s", async (_, file) => {
  expect(await checkFile(file)).toBeUndefined();
});

test("a file that somebody has edited, or that is not there, is found out", async () => {
  const [original = ""] = files;
  const file = join(folder, "copy.annotations.ts");
  copyFileSync(original, file);
  expect(await checkFile(file)).toContain("copy.ts is not there");
  const made = await generate(file, file);
  writeFileSync(outputOf(file), made.replace("0x0701", "0x0799"));
  expect(readFileSync(outputOf(file), "utf8")).not.toBe(made);
  expect(await checkFile(file)).toMatch(/copy\.ts is not what .* from line \d+:\n/);
});

test("docs/ioctlgen.md says what the tool does", async () => {
  const page = readFileSync(join(ROOT, "docs/ioctlgen.md"), "utf8");
  const own = page.slice(page.indexOf("## Your own header"));
  const [header = "", annotations = "", output = ""] = [...own.matchAll(/```(?:c|ts)\n(.*?)```/gs)].map(
    ([, text]) => text,
  );
  const file = join(folder, "scope.annotations.ts");
  writeFileSync(join(folder, "scope.h"), header);
  writeFileSync(file, annotations);
  const made = await generate(file, "scope");
  expect(made.slice(made.indexOf("/** What triggers"))).toBe(output);
});
