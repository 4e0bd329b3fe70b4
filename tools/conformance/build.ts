// Compiles the client for each kind of caller into tools/build/conformance, when its sources have changed. As a
// program it does just that, so that a virtual machine, which sees our files, finds the clients made.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";

/** "x32" is a 64-bit program that makes x32 system calls: Debian has no x32 libc to link with. */
export const BITS = ["64", "32", "x32"] as const;
export type Bits = (typeof BITS)[number];

const SOURCES = join(import.meta.dirname, "client");
const OUTPUT = join(import.meta.dirname, "../build/conformance");
const FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"];
const FLAGS_OF: Readonly<Record<Bits, readonly string[]>> = { "64": ["-m64"], "32": ["-m32"], x32: ["-m64", "-DX32"] };

/** Set in the virtual machine: what was made before it is taken as it is. */
export const INSIDE = "DEVLIFT_CONFORMANCE_INSIDE";

/** @returns the path of the client @throws ToolError with what the compiler said */
export async function buildClient(bits: Bits): Promise<string> {
  const program = join(OUTPUT, `client-${bits}`);
  // Sources that have changed since the machine was asked for would be compiled there, for minutes.
  if (process.env[INSIDE] !== undefined && existsSync(program)) return program;
  const files = readdirSync(SOURCES)
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => join(SOURCES, name));
  const flags = [...FLAGS, ...FLAGS_OF[bits]];
  const hash = createHash("sha256").update(flags.join(" "));
  for (const file of files) hash.update(basename(file)).update(readFileSync(file));
  const stamp = hash.digest("hex");
  const stampFile = `${program}.stamp`;
  if (existsSync(stampFile) && existsSync(program) && readFileSync(stampFile, "utf8") === stamp) return program;
  mkdirSync(OUTPUT, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const sources = files.filter((name) => name.endsWith(".c"));
  try {
    await run("cc", [...flags, "-o", unfinished, ...sources]);
  } catch (cause) {
    throw new ToolError(`the client cannot be built; Debian: apt-get install gcc gcc-multilib\n${String(cause)}`, {
      cause,
    });
  }
  renameSync(unfinished, program);
  writeFileSync(stampFile, stamp);
  return program;
}

if (process.argv[1] === import.meta.filename) await Promise.all(BITS.map(buildClient));
