// What runs beside the tool, compiled and bundled into .cache/bench of the checkout: the clients and the peers in C,
// our servers as one file of JavaScript each with the addon beside it, and the tool itself for the virtual machine.

import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { native } from "@devlift/core";
import { build } from "esbuild";
import { run } from "../shared/run.ts";

/** The checkout. The bundle of this file in .cache/bench is as deep in it as its source is. */
export const CHECKOUT = resolve(import.meta.dirname, "../..");

export const BUILT = join(CHECKOUT, ".cache", "bench");
/** The tool as one file, for where starting TypeScript takes long. */
export const BUNDLED_TOOL = join(BUILT, "tool.mjs");

const SOURCES = join(CHECKOUT, "tools", "bench");
const CFLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-pthread"];
const LIBRARIES: Readonly<Record<string, readonly string[]>> = { libfuse: ["-I/usr/include/fuse3", "-lfuse3"] };

async function compile(folder: string): Promise<void> {
  for (const file of await readdir(join(SOURCES, folder))) {
    if (!file.endsWith(".c")) continue;
    const name = file.slice(0, -".c".length);
    const source = join(SOURCES, folder, file);
    await run("gcc", [...CFLAGS, "-o", join(BUILT, name), source, ...(LIBRARIES[name] ?? [])]);
  }
}

export async function buildAll(): Promise<void> {
  await mkdir(BUILT, { recursive: true });
  await Promise.all([compile("clients"), compile("peers"), copyFile(native.addonPath(), join(BUILT, "devlift.node"))]);
  await build({
    entryPoints: {
      ours: join(SOURCES, "servers", "ours.ts"),
      smallest: join(SOURCES, "servers", "smallest.ts"),
      tool: join(SOURCES, "main.ts"),
    },
    outdir: BUILT,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["esbuild"],
  });
}
