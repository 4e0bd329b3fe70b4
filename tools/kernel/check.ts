// What the compiler and sparse have to say about kernel/fusd, on one kernel.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPrerequisites } from "../shared/prerequisites.ts";
import { cacheFolder } from "../vm/cache.ts";
import type { KernelLine } from "../vm/kernel.ts";
import { type BuildOptions, makeArguments } from "./build.ts";
import { findingsOf } from "./findings.ts";
import { buildTree } from "./headers.ts";
import { CHECK_PREREQUISITES } from "./prerequisites.ts";
import { copySources, SOURCES } from "./sources.ts";

/** kbuild's word that it makes no type information, which is not about the sources. */
const NOT_OURS = /^Skipping BTF generation/;

/**
 * Compiles with W=1 and sparse (with its checks of byte order).
 * @returns what is to be said against the sources, a line each; paths are relative to `sources`, or to the cache
 */
export async function checkBuild(line: KernelLine, { progress, sources = SOURCES }: BuildOptions): Promise<string[]> {
  await installPrerequisites(CHECK_PREREQUISITES, progress);
  const tree = await buildTree(line, progress);
  const copy = await mkdtemp(join(tmpdir(), "fusd-check-"));
  try {
    await copySources(copy, sources);
    const words = ["W=1", "C=2", "CHECK=sparse", "CF=-D__CHECK_ENDIAN__"];
    const lines = await findingsOf("make", makeArguments(tree, copy, words), copy);
    const shorter = (text: string) => text.replaceAll(`${copy}/`, "").replaceAll(`${cacheFolder()}/`, "");
    return lines.filter((text) => !NOT_OURS.test(text)).map(shorter);
  } finally {
    await rm(copy, { recursive: true });
  }
}
