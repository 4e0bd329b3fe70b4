// A header of a test's own, in a folder that lives as long as the test file, and the generator on it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, vi } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import type { Annotations } from "../annotations.ts";
import { textOf } from "../generate.ts";

// A failure bound: each runs a handful of compilers.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "devlift-ioctlgen-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, "my.annotations.ts");

/** The output for a header of the text; its name in it is my.h. */
function generated(header: string, annotations: Partial<Annotations>): Promise<string> {
  writeFileSync(join(folder, "my.h"), header);
  return textOf({ headers: ["linux/ioctl.h", "./my.h"], about: "A test.", commands: {}, ...annotations }, file, "my");
}

/** The output without its comments and imports. */
export async function body(header: string, annotations: Partial<Annotations>): Promise<string> {
  const text = await generated(header, annotations);
  return text.slice(text.indexOf('"@devlift/core";') + 16).trim();
}

/** What the tool has to say against a header, or against what is said of it. */
export async function complaint(header: string, annotations: Partial<Annotations>): Promise<string> {
  const error: unknown = await generated(header, annotations).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ToolError);
  return error instanceof ToolError ? error.message : "";
}
