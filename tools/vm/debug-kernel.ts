// The debug kernel: of Debian's source, with debug-kernel.config, made once and kept like a stock kernel's package is,
// and with the tree that modules for it are built in.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ToolError } from "../shared/errors.ts";
import { acquireLock } from "../shared/lock.ts";
import { findProgram, installPrerequisites } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { cached, cacheFolder } from "./cache.ts";
import { DEBUG_KERNEL_PREREQUISITES } from "./prerequisites.ts";
import { kernelSource } from "./source.ts";

const CONFIG = join(import.meta.dirname, "debug-kernel.config");

/** Goes into the hash: to be changed with what this file does. */
const RECIPE = "1";

/** What out-of-tree modules need of the tree that the kernel was built in. */
const FOR_MODULES = ["Makefile", "Kbuild", ".config", "Module.symvers", "include", "arch/x86", "scripts", "tools"];

/** A line of progress after so many files. */
const STEP = 100;

/** The folder in the kernel's folder that modules are built against. */
export const DEBUG_BUILD_TREE = "build";

/**
 * The debug kernel of the source that goes with `stock`, a stock kernel's release; six minutes on two cores when the
 * cache lacks it.
 * @returns a folder as kernelImage wants it
 */
export async function debugKernel(stock: string, progress: Progress): Promise<string> {
  const key = createHash("sha256")
    .update(RECIPE)
    .update(stock)
    .update(await readFile(CONFIG));
  await mkdir(cacheFolder(), { recursive: true });
  const lock = await acquireLock(join(cacheFolder(), "debug-kernel.lock"), {
    holder: `process ${process.pid}`,
    onWait: (holder) => progress(`waiting for ${holder}, which builds the debug kernel`),
  });
  try {
    return await cached(`linux-debug-${key.digest("hex").slice(0, 16)}`, (scratch) => build(scratch, progress));
  } finally {
    await lock.release();
  }
}

async function build(folder: string, progress: Progress): Promise<void> {
  await installPrerequisites(DEBUG_KERNEL_PREREQUISITES, progress);
  const tar = await kernelSource(progress);
  const tree = join(folder, "source");
  await mkdir(tree);
  progress("unpacking the source of Linux");
  await run("tar", ["-xJf", tar, "-C", tree, "--strip-components=1"]);
  const make = (...words: string[]) => run("make", ["-s", "-C", tree, ...words]);
  await make("tinyconfig");
  await run("scripts/kconfig/merge_config.sh", ["-m", ".config", CONFIG], { cwd: tree });
  await make("olddefconfig");
  requireConfig(await readFile(CONFIG, "utf8"), await readFile(join(tree, ".config"), "utf8"));
  progress("building the debug kernel: some 2000 files, six minutes on two cores");
  await compile(tree, progress);

  const release = (await make("kernelrelease")).trim();
  const depmod = (await findProgram("depmod")) ?? "depmod";
  await make("modules_install", `INSTALL_MOD_PATH=${folder}`, `DEPMOD=${depmod}`);
  for (const link of ["build", "source"]) await rm(join(folder, "lib/modules", release, link), { force: true });
  await mkdir(join(folder, "boot"));
  await cp(join(tree, "arch/x86/boot/bzImage"), join(folder, "boot", `vmlinuz-${release}`));
  await mkdir(join(folder, DEBUG_BUILD_TREE, "arch"), { recursive: true });
  for (const part of FOR_MODULES) await rename(join(tree, part), join(folder, DEBUG_BUILD_TREE, part));
  await rm(tree, { recursive: true });
  await run("find", [join(folder, DEBUG_BUILD_TREE, "arch"), "-name", "*.[oa]", "-delete"]);
  await writeFile(join(folder, "release"), `${release}\n`);
}

/** @throws ToolError when a setting of `wanted` did not make it into `config`: its dependencies are not there */
function requireConfig(wanted: string, config: string): void {
  const got = new Set(config.split("\n"));
  const lost = wanted.split("\n").filter((line) => /^CONFIG_\w+=[ym]$/.test(line) && !got.has(line));
  const forced = wanted.split("\n").filter((line) => /=n$/.test(line) && got.has(line.replace(/=n$/, "=y")));
  if (lost.length + forced.length === 0) return;
  throw new ToolError(`debug-kernel.config asks for what Linux does not give: ${[...lost, ...forced].join(", ")}`);
}

/** At the lowest priority, as it takes all processors for minutes, while tests may be running. */
async function compile(tree: string, progress: Progress): Promise<void> {
  const script = 'exec nice -n 19 make -C "$0" "$@" 2>&1';
  const args = [tree, `-j${availableParallelism()}`, "bzImage", "modules"];
  const child = spawn("sh", ["-c", script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const tail: string[] = [];
  let files = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^ {2}(CC|AS|LD|AR)\b/.test(line) && ++files % STEP === 0) progress(`debug kernel: ${files} files`);
    tail.push(line);
    if (tail.length > 50) tail.shift();
  }
  const [status] = await closed;
  if (status !== 0) throw new ToolError(`the debug kernel does not build:\n${tail.join("\n")}`);
}
