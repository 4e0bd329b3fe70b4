// BuildTree: what an out-of-tree module is built against, for exactly the kernel that tools/vm boots: Debian's header
// packages, unpacked into the virtual machine's cache for good and never installed.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { findProgram } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { type AptSource, dependenciesOf, fetchPackages } from "../vm/apt.ts";
import { cacheFolder } from "../vm/cache.ts";
import { type KernelLine, kernelImage } from "../vm/kernel.ts";

export interface BuildTree {
  /** What `uname -r` prints in the kernel. */
  readonly release: string;
  /** For `make -C`. */
  readonly folder: string;
  /** More words for make. */
  readonly settings: readonly string[];
}

/** The build tree of the kernel of `line`: from the cache, else fetched with apt. */
export async function buildTree(line: KernelLine, progress: Progress): Promise<BuildTree> {
  const { release } = await kernelImage(line, progress);
  const unpacked = join(cacheFolder(), `headers-${release}`);
  if (!existsSync(unpacked)) await fetchHeaders(release, unpacked, progress);
  const folder = join(unpacked, "usr/src", `linux-headers-${release}`);
  return { release, folder, settings: await compilerSettings(folder) };
}

/** The kernel's own compiler when it is here, else gcc: its version matters less than that there is one. */
async function compilerSettings(folder: string): Promise<string[]> {
  const compiler = /gcc-\d+/.exec(await readFile(join(folder, ".kernelvariables"), "utf8"))?.[0];
  if (compiler !== undefined && (await findProgram(compiler)) !== undefined) return [];
  return ["CC=gcc"];
}

async function fetchHeaders(release: string, target: string, progress: Progress): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(`${target}.`);
  try {
    const found = (source: AptSource) => headerPackages(source, release);
    await fetchPackages({ what: `the headers of Linux ${release}`, found, folder: scratch, progress });
    const folder = join(scratch, "usr/src", `linux-headers-${release}`);
    // The one absolute path in there leads to the headers that all flavours share.
    const makefile = await readFile(join(folder, "Makefile"), "utf8");
    await writeFile(join(folder, "Makefile"), makefile.replaceAll(" /usr/src/", ` ${target}/usr/src/`));
    // With it, kbuild would want pahole, to make type information that nobody asks for.
    await rm(join(folder, "vmlinux"), { force: true });
    await rename(scratch, target).catch((error: unknown) => {
      // Another process was faster.
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The package and those that it stands on, without the compiler. */
async function headerPackages(source: AptSource, release: string): Promise<string[]> {
  const name = `linux-headers-${release}`;
  const needed = (await dependenciesOf(source, name)).filter((other) => /^linux-(headers|kbuild)-/.test(other));
  if (needed.length > 0) return [name, ...needed];
  throw new ToolError(
    `apt knows no ${name}; when Debian has a newer kernel by now, remove the older one's folder in ${cacheFolder()}`,
  );
}
