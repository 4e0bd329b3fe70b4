// From an annotation file to the text of its output.

import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ToolError } from "../shared/errors.ts";
import type { Annotations } from "./annotations.ts";
import { loadAnnotations } from "./annotations-check.ts";
import { buildModel } from "./build.ts";
import { CSource, pipe } from "./clang.ts";
import { readHeader } from "./names.ts";
import { printModel } from "./print.ts";
import { verifyModel } from "./verify.ts";

/** The checkout. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

export const SUFFIX = ".annotations.ts";

/** @param argument what the tool was called with, or could be, for this file. @returns the output's formatted text */
export async function generate(file: string, argument: string): Promise<string> {
  return textOf(await loadAnnotations(file, basename(file)), file, argument);
}

/**
 * @param file where the annotations are, or would be
 * @throws ToolError that names the file, and the header's line or the annotation
 */
export async function textOf(annotations: Annotations, file: string, argument: string): Promise<string> {
  try {
    const source = new CSource(annotations.headers, file);
    const model = await buildModel(await readHeader(source), annotations);
    await verifyModel(model, source);
    return await formatted(printModel(model, { annotations, file: basename(file), argument }), outputOf(file));
  } catch (cause) {
    if (!(cause instanceof ToolError)) throw cause;
    throw new ToolError(`${basename(file)}: ${cause.message}`, { cause });
  }
}

/** The output's path. */
export function outputOf(file: string): string {
  return `${file.slice(0, -SUFFIX.length)}.ts`;
}

/** Formats TypeScript as the checkout has it. @throws ToolError when it does not parse: a rule of the annotations */
async function formatted(text: string, path: string): Promise<string> {
  const biome = join(ROOT, "node_modules/.bin/biome");
  const options = ["--vcs-enabled=false", `--config-path=${ROOT}`, `--stdin-file-path=${path}`];
  // Of the two, the first alone sorts imports, and the second alone fails for what does not parse.
  const sorted = await pipe(biome, ["check", "--write", "--linter-enabled=false", ...options], { input: text });
  const { status, stdout, stderr } = await pipe(biome, ["format", ...options], { input: sorted.stdout });
  if (status !== 0 || stdout === "") throw new ToolError(`the output is no TypeScript:\n${stderr.trimEnd()}`);
  return stdout.endsWith("\n") ? stdout : `${stdout}\n`;
}
