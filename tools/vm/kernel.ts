// KernelImage: one of Debian's stock kernels, unpacked into the cache with its module index, for good; or the debug
// kernel, which is built into a folder of the same form.

import { existsSync } from "node:fs";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { findProgram } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { type AptSource, dependenciesOf, fetchPackages } from "./apt.ts";
import { cached } from "./cache.ts";
import { debugKernel } from "./debug-kernel.ts";

/** The stock kernels that can be asked for, each with the Debian packages that may depend on its newest image. */
const META_PACKAGES = {
  "6.12": ["linux-image-6.12-amd64", "linux-image-amd64"],
  "6.1": ["linux-image-amd64"],
} as const;

export type StockLine = keyof typeof META_PACKAGES;
export type KernelLine = StockLine | "debug";
/** The stock kernels: what tests run on that nobody asked to run elsewhere. */
export const STOCK_LINES: readonly StockLine[] = ["6.12", "6.1"];
export const KERNEL_LINES: readonly KernelLine[] = [...STOCK_LINES, "debug"];
export const DEFAULT_KERNEL: StockLine = "6.12";

export function isKernelLine(text: string): text is KernelLine {
  return KERNEL_LINES.some((line) => line === text);
}

export interface KernelImage {
  readonly line: KernelLine;
  /** What `uname -r` prints in it. */
  readonly release: string;
  /** Its folder in the cache. */
  readonly folder: string;
  /** The compressed kernel, for QEMU's -kernel. */
  readonly vmlinuz: string;
  /** The folder that belongs at /lib/modules/RELEASE. */
  readonly modules: string;
}

/** The image of `line`: from the cache, else fetched with apt, or built. */
export async function kernelImage(line: KernelLine, progress: Progress): Promise<KernelImage> {
  const folder =
    line === "debug"
      ? await debugKernel((await kernelImage(DEFAULT_KERNEL, progress)).release, progress)
      : await cached(`linux-${line}`, (scratch) => fetchImage(line, scratch, progress));
  const release = (await readFile(join(folder, "release"), "utf8")).trim();
  return {
    line,
    release,
    folder,
    vmlinuz: join(folder, `boot/vmlinuz-${release}`),
    modules: join(folder, "lib/modules", release),
  };
}

async function fetchImage(line: StockLine, folder: string, progress: Progress): Promise<void> {
  const found = async (source: AptSource) => [await imagePackage(source, line)];
  const packages = await fetchPackages({ what: `Debian's stock kernel ${line}`, found, folder, progress });
  // A package of a merged-/usr release has its modules in usr/lib.
  if (!existsSync(join(folder, "lib/modules"))) await rename(join(folder, "usr/lib"), join(folder, "lib"));
  const [release] = await readdir(join(folder, "lib/modules"));
  if (release === undefined) throw new ToolError(`the package ${packages.join()} has no modules`);
  await run((await findProgram("depmod")) ?? "depmod", ["-b", folder, release]);
  await writeFile(join(folder, "release"), `${release}\n`);
}

async function imagePackage(source: AptSource, line: StockLine): Promise<string> {
  for (const meta of META_PACKAGES[line]) {
    const image = (await dependenciesOf(source, meta)).find((name) => name.startsWith(`linux-image-${line}.`));
    if (image !== undefined) return image;
  }
  throw new ToolError(`apt knows no stock kernel ${line} (neither ${META_PACKAGES[line].join(" nor ")} leads to one)`);
}
