// The initramfs: busybox, the modules that reach the host's files, and guest/init.sh. Made once a kernel and kept
// in the cache under the hash of what went into it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { findProgram } from "../shared/prerequisites.ts";
import type { KernelImage } from "./kernel.ts";

const INIT = join(import.meta.dirname, "guest/init.sh");

/** The modules that init.sh and stage2.sh stand on. */
const MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];

/** And with a disk. ext4 asks for its checksum by name, which is no dependency that depmod knows. */
const DISK_MODULES = ["virtio_blk", "crc32c_generic", "ext4"];

/** The folders that init.sh mounts on. */
const FOLDERS = ["bin", "dev", "proc", "sys", "lower", "over", "root", "mod"];

/** Builds the initramfs of `image` when the cache lacks it. @param disk for a machine with a disk @returns its path */
export async function initramfs(image: KernelImage, disk: boolean): Promise<string> {
  const busybox = await findProgram("busybox");
  if (busybox === undefined) throw new ToolError("busybox is not here");
  const files = await moduleFiles(image.modules, disk ? [...MODULES, ...DISK_MODULES] : MODULES);
  const hash = createHash("sha256");
  hash
    .update(await readFile(INIT))
    .update(await readFile(busybox))
    .update(files.join("\n"));
  const target = join(dirname(image.vmlinuz), `initramfs-${hash.digest("hex").slice(0, 16)}.cpio`);
  if (existsSync(target)) return target;

  const tree = await mkdtemp(`${target}.`);
  try {
    for (const folder of FOLDERS) await mkdir(join(tree, folder));
    await copyFile(busybox, join(tree, "bin/busybox"));
    await copyFile(INIT, join(tree, "init"));
    await chmod(join(tree, "init"), 0o755);
    const order: string[] = [];
    for (const file of files) {
      const name = basename(file).replace(/\.xz$/, "");
      await writeFile(join(tree, "mod", name), await moduleBytes(join(image.modules, file)));
      order.push(`${name}\n`);
    }
    await writeFile(join(tree, "mod/order"), order.join(""));
    const names = [".", ...(await readdir(tree, { recursive: true }))].join("\n");
    const archive = execFileSync("cpio", ["--quiet", "-o", "-H", "newc"], {
      cwd: tree,
      input: names,
      maxBuffer: 64 * 1024 * 1024,
    });
    await writeFile(`${target}.new`, archive);
    await rename(`${target}.new`, target);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
  return target;
}

async function moduleBytes(file: string): Promise<Buffer> {
  if (!file.endsWith(".xz")) return readFile(file);
  return execFileSync("xz", ["-dc", file], { maxBuffer: 64 * 1024 * 1024 });
}

/**
 * The files that have to be loaded for the modules `wanted`, in the order of loading, relative to `modules`.
 * depmod lists a module's dependencies so that the last one is to be loaded first; what is built in needs no file.
 * @throws ToolError when the kernel has a module neither as a file nor built in
 */
export async function moduleFiles(modules: string, wanted: readonly string[]): Promise<string[]> {
  const builtin = new Set((await readFile(join(modules, "modules.builtin"), "utf8")).split("\n").map(moduleName));
  const needs = new Map<string, string[]>();
  for (const line of (await readFile(join(modules, "modules.dep"), "utf8")).split("\n")) {
    const [file = "", rest = ""] = line.split(":");
    needs.set(moduleName(file), [...rest.split(" ").filter(Boolean).reverse(), file]);
  }
  const order = new Set<string>();
  for (const name of wanted) {
    const files = needs.get(name);
    if (files === undefined && !builtin.has(name)) throw new ToolError(`the kernel in ${modules} has no ${name}`);
    for (const file of files ?? []) order.add(file);
  }
  return [...order];
}

function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.xz)?$/, "")
    .replaceAll("-", "_");
}
