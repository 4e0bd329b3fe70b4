// The command `npm run ioctlgen`: which annotation files, and writing or comparing.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { installPrerequisites } from "../shared/prerequisites.ts";
import { progressOf } from "../shared/progress.ts";
import { generate, outputOf, ROOT, SUFFIX } from "./generate.ts";
import { IOCTLGEN_PREREQUISITES } from "./prerequisites.ts";

const HELP = `Usage: npm run ioctlgen -- [--check] [NAME...]

Reads C headers with clang and writes the schemas of their structs and ioctls in TypeScript. What to take from which
header, and what C does not say, is in an annotation file NAME${SUFFIX}; the output is NAME.ts beside it.

  NAME       of an annotation file of this checkout (i2c), or its path; default: all that are in packages and examples
  --check    write nothing, and fail where a file is not what would be written
  --help     this text

docs/ioctlgen.md says how to write annotations.
`;

const SKIPPED: readonly string[] = ["node_modules", "build", "dist"];

async function annotationFilesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.includes(entry.name)) found.push(...(await annotationFilesBelow(path)));
    if (entry.isFile() && entry.name.endsWith(SUFFIX)) found.push(path);
  }
  return found;
}

/** All annotation files of the checkout. */
export async function annotationFiles(): Promise<string[]> {
  return [
    ...(await annotationFilesBelow(join(ROOT, "packages"))),
    ...(await annotationFilesBelow(join(ROOT, "examples"))),
  ];
}

/** The name by which the tool finds an annotation file. */
export function nameOf(file: string): string {
  return basename(file, SUFFIX);
}

async function filesOf(names: readonly string[]): Promise<string[]> {
  const all = await annotationFiles();
  if (names.length === 0) return all;
  return names.map((name) => {
    // npm runs its scripts in the checkout, and tells where it was called.
    if (name.endsWith(SUFFIX)) return resolve(process.env["INIT_CWD"] ?? ".", name);
    const found = all.filter((file) => nameOf(file) === name);
    const [file] = found;
    if (file === undefined)
      throw new ToolError(
        `there is no ${name}; there are ${all.map(nameOf).join(", ")}, or give a path that ends in ${SUFFIX}`,
      );
    if (found.length > 1) throw new ToolError(`${name} is ambiguous; give the path: ${found.join(", ")}`);
    return file;
  });
}

/** The tool's argument for a file, as its output tells it: what everybody could type in the checkout. */
async function argumentFor(file: string): Promise<string> {
  const twins = (await annotationFiles()).filter((other) => nameOf(other) === nameOf(file));
  if (twins.length === 1 && twins[0] === file) return nameOf(file);
  const path = relative(ROOT, file);
  return path.startsWith("..") ? basename(file) : path;
}

/** The first line in which two texts differ, for a message. */
function difference(old: string, made: string): string {
  const [was, is] = [old.split("\n"), made.split("\n")];
  const at = is.findIndex((line, index) => line !== was[index]);
  const line = at < 0 ? is.length : at;
  return `line ${line + 1}:\n- ${was[line] ?? "(nothing)"}\n+ ${is[line] ?? "(nothing)"}`;
}

/** @returns what is wrong with the file as it is, or undefined */
export async function checkFile(file: string): Promise<string | undefined> {
  const output = outputOf(file);
  const made = await generate(file, await argumentFor(file));
  const old = await readFile(output, "utf8").catch(() => undefined);
  if (old === made) return undefined;
  const name = relative(ROOT, output);
  if (old === undefined) return `${name} is not there`;
  return `${name} is not what the headers of this machine and the annotations make, from ${difference(old, made)}`;
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommandLine(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  await installPrerequisites(IOCTLGEN_PREREQUISITES, progressOf("ioctlgen"));
  const faults: string[] = [];
  for (const file of await filesOf(positionals)) {
    if (values.check) faults.push(...[await checkFile(file)].filter((fault) => fault !== undefined));
    else await writeFile(outputOf(file), await generate(file, await argumentFor(file)));
    process.stdout.write(`${relative(ROOT, outputOf(file))}\n`);
  }
  if (faults.length === 0) return 0;
  process.stderr.write(`${faults.join("\n")}\nTo write: npm run ioctlgen\n`);
  return 1;
}

function parseCommandLine(args: readonly string[]) {
  const options = { check: { type: "boolean" }, help: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : cause}\n${HELP}`, { cause });
  }
}
