// Questions to apt and downloads, without installing anything.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";

/** The names of the packages that `name` depends on directly; none when apt does not know it. */
export async function dependenciesOf(name: string): Promise<string[]> {
  const text = await run("apt-cache", ["depends", name]).catch(() => "");
  return [...text.matchAll(/^\s*Depends: (\S+)$/gm)].map((match) => match[1] ?? "");
}

/** Downloads a package into `folder`. @returns the archive's path */
export async function downloadPackage(name: string, folder: string): Promise<string> {
  await run("apt-get", ["-q", "download", name], { cwd: folder });
  const archive = (await readdir(folder)).find((file) => file.endsWith(".deb"));
  if (archive === undefined) throw new ToolError(`apt-get download ${name} left no package`);
  return join(folder, archive);
}
