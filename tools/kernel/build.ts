// FusdBuild: kernel/fusd's module and its selftests, made for one kernel and kept in the virtual machine's cache under
// the hash of their sources, so that another checkout with the same sources finds them made.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { acquireLock } from "../shared/lock.ts";
import { installPrerequisites } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { cacheFolder } from "../vm/cache.ts";
import type { KernelLine } from "../vm/kernel.ts";
import { type BuildTree, buildTree } from "./headers.ts";
import { BUILD_PREREQUISITES } from "./prerequisites.ts";
import { copySources, hashSources, SOURCES } from "./sources.ts";

/** The kinds of program that the selftests are compiled to. */
export const BITS = ["64", "32"] as const;

/** Goes into the hash: to be changed with what this file does. */
const RECIPE = "1";

/** So many builds are kept; the one that was not used for the longest time goes first. */
const KEPT = 20;

export interface FusdBuild {
  readonly release: string;
  /** Holds fusd.ko, selftests/64 and selftests/32. */
  readonly folder: string;
  /** The path of fusd.ko. */
  readonly module: string;
}

/** `sources` is another folder than this checkout's kernel/fusd, for tests. */
export interface BuildOptions {
  readonly progress: Progress;
  readonly sources?: string;
}

/**
 * Builds the module and its selftests for the kernel of `line`, unless the cache has them.
 * @throws ToolError with what the compiler said
 */
export async function buildFusd(line: KernelLine, { progress, sources = SOURCES }: BuildOptions): Promise<FusdBuild> {
  await installPrerequisites(BUILD_PREREQUISITES, progress);
  const tree = await buildTree(line, progress);
  const builds = join(cacheFolder(), "fusd");
  const settings = createHash("sha256").update([RECIPE, tree.folder, ...tree.settings].join("\n"));
  const folder = join(builds, `${tree.release}-${await hashSources(settings, sources)}`);
  const build = { release: tree.release, folder, module: join(folder, "fusd.ko") };
  await mkdir(builds, { recursive: true });
  const lock = await acquireLock(join(builds, "lock"), {
    holder: `process ${process.pid}`,
    onWait: (holder) => progress(`waiting for ${holder}, which builds fusd`),
  });
  try {
    if (existsSync(folder)) {
      await utimes(folder, new Date(), new Date());
      return build;
    }
    progress(`building fusd for Linux ${tree.release}`);
    const scratch = await mkdtemp(`${folder}.`);
    try {
      await buildInto(scratch, tree, sources);
      await rename(scratch, folder);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    await forgetOldest(builds);
  } finally {
    await lock.release();
  }
  return build;
}

async function buildInto(folder: string, tree: BuildTree, sources: string): Promise<void> {
  const copy = join(folder, "sources");
  await copySources(copy, sources);
  await run("make", makeArguments(tree, copy));
  await rename(join(copy, "fusd.ko"), join(folder, "fusd.ko"));
  if (existsSync(join(copy, "selftests"))) {
    for (const bits of BITS) {
      const out = join(folder, "selftests", bits);
      await mkdir(out, { recursive: true });
      await run("make", ["-s", PARALLEL, "-C", join(copy, "selftests"), `OUT=${out}`, `BITS=${bits}`]);
    }
  }
  await rm(copy, { recursive: true });
}

const PARALLEL = `-j${availableParallelism()}`;

/** For make, to run kbuild on a copy of the sources. */
export function makeArguments(tree: BuildTree, copy: string, words: readonly string[] = []): string[] {
  return ["-s", PARALLEL, "-C", tree.folder, `M=${copy}`, ...tree.settings, ...words, "modules"];
}

async function forgetOldest(builds: string): Promise<void> {
  const names = (await readdir(builds, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const dated = await Promise.all(
    names.map(async ({ name }) => ({ name, used: (await stat(join(builds, name))).mtimeMs })),
  );
  dated.sort((one, other) => other.used - one.used);
  for (const { name } of dated.slice(KEPT)) await rm(join(builds, name), { recursive: true });
}
