// The sources of kernel/fusd: which files they are, their hash, and a copy of them to build in, as kbuild leaves what
// it makes beside what it makes it from.

import { createHash, type Hash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** The module's folder in this checkout. */
export const SOURCES = resolve(import.meta.dirname, "../../kernel/fusd");

/** Whether there is a module to build. */
export function haveSources(folder = SOURCES): boolean {
  return existsSync(join(folder, "Kbuild")) && readdirSync(folder).some((name) => name.endsWith(".c"));
}

/** The files that decide what is built, relative to `folder`, sorted. A plain `make` there leaves *.mod.c. */
export async function sourceFiles(folder = SOURCES): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => /(^|\/)(Kbuild|Makefile)$|\.[ch]$/.test(name) && !/(^|\/)\.|\.mod\.c$/.test(name))
    .sort();
}

/** Adds names and contents to `hash`. */
export async function hashSources(hash: Hash, folder = SOURCES): Promise<string> {
  for (const name of await sourceFiles(folder)) {
    const inner = createHash("sha256").update(await readFile(join(folder, name)));
    hash.update(`${name} ${inner.digest("hex")}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Copies the sources to the folder `target`, which is made. */
export async function copySources(target: string, folder = SOURCES): Promise<void> {
  for (const name of await sourceFiles(folder)) {
    await mkdir(dirname(join(target, name)), { recursive: true });
    await copyFile(join(folder, name), join(target, name));
  }
}
