// BuildTree: what an out-of-tree module is built against, for exactly the kernel that tools/vm boots: Debian's header
// packages, unpacked into the virtual machine's cache for good and never installed.

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { findProgram } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { type AptSource, dependenciesOf, fetchPackages } from "../vm/apt.ts";
import { cached, cacheFolder } from "../vm/cache.ts";
import { DEBUG_BUILD_TREE } from "../vm/debug-kernel.ts";
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
  const { release, folder: image } = await kernelImage(line, progress);
  if (line === "debug") return { release, folder: join(image, DEBUG_BUILD_TREE), settings: [] };
  const unpacked = await cached(`headers-${release}`, async (scratch, target) => {
    const found = (source: AptSource) => headerPackages(source, release);
    await fetchPackages({ what: `the headers of Linux ${release}`, found, folder: scratch, progress });
    const headers = join(scratch, "usr/src", `linux-headers-${release}`);
    // The one absolute path in there leads to the headers that all flavours share.
    const makefile = await readFile(join(headers, "Makefile"), "utf8");
    await writeFile(join(headers, "Makefile"), makefile.replaceAll(" /usr/src/", ` ${target}/usr/src/`));
    // With it, kbuild would want pahole, to make type information that nobody asks for.
    await rm(join(headers, "vmlinux"), { force: true });
  });
  const folder = join(unpacked, "usr/src", `linux-headers-${release}`);
  return { release, folder, settings: await compilerSettings(folder) };
}

/** The kernel's own compiler when it is here, else gcc: its version matters less than that there is one. */
async function compilerSettings(folder: string): Promise<string[]> {
  const compiler = /gcc-\d+/.exec(await readFile(join(folder, ".kernelvariables"), "utf8"))?.[0];
  if (compiler !== undefined && (await findProgram(compiler)) !== undefined) return [];
  return ["CC=gcc"];
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
