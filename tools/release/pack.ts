// npm packages: a tarball a package, made by pnpm, which applies publishConfig and puts versions for workspace:*, and
// looked at by publint and arethetypeswrong.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { compile } from "./compile.ts";
import { commands, libraries, type Package } from "./packages.ts";

/**
 * @param out the folder that gets the tarballs
 * @returns their paths
 * @throws ToolError with what a tool says
 */
export async function pack(out: string, progress: Progress): Promise<string[]> {
  mkdirSync(out, { recursive: true });
  const shared = libraries();
  progress(`compiling ${shared.length} libraries`);
  await compile(shared);
  const all = [...shared, ...commands()];
  progress(`packing and checking ${all.length} packages`);
  return Promise.all(all.map((one) => tarballOf(one, out)));
}

async function tarballOf({ folder, name, version }: Package, out: string): Promise<string> {
  const tarball = join(out, `${name.slice(1).replace("/", "-")}-${version}.tgz`);
  await run("pnpm", ["pack", "--pack-destination", out], { cwd: folder });
  await run("publint", ["--strict", tarball]);
  // Who imports an ES module from CommonJS does so by import(), or on Node 20.19 by require().
  await run("attw", ["--profile", "esm-only", tarball]);
  return tarball;
}
