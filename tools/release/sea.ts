// Single executables: a copy of the Node that runs here, with a daemon and its addons in it
// (https://nodejs.org/api/single-executable-applications.html).

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleExecutable } from "@devlift/daemon/bundle";
import { ToolError } from "../shared/errors.ts";
import { installPrerequisites } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { type Command, drivers } from "./packages.ts";
import { SEA_PREREQUISITES } from "./prerequisites.ts";

/** Where Node looks whether there is a program in it; postject turns its last digit. Source: Node's src/node_sea.cc. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** @returns the paths of the executables, in `out` */
export async function sea(out: string, progress: Progress): Promise<string[]> {
  if (!readFileSync(process.execPath).includes(FUSE))
    throw new ToolError(
      `${process.execPath} cannot have a program in it: take the Node of nodejs.org, or \`npx -p node@22 npm run sea\``,
    );
  await installPrerequisites(SEA_PREREQUISITES, progress);
  mkdirSync(out, { recursive: true });
  const made: string[] = [];
  for (const driver of drivers()) {
    progress(`making ${driver.command}`);
    made.push(await executableOf(driver, out));
  }
  return made;
}

async function executableOf({ command, folder, version }: Command, out: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), "devlift-sea-"));
  try {
    const { main, assets, licenses } = await bundleExecutable(join(folder, "src", "cli.ts"), join(work, "parts"));
    const blob = join(work, "blob");
    const config = join(work, "config.json");
    writeFileSync(config, JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true, assets }));
    await run(process.execPath, ["--experimental-sea-config", config]);
    const draft = join(work, "node");
    copyFileSync(process.execPath, draft);
    chmodSync(draft, 0o755);
    // Names for debuggers are an eighth of it.
    await run("strip", [draft]);
    await run("postject", [draft, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE]);
    const file = join(out, `${command}-${version}-${process.platform}-${process.arch}`);
    copyFileSync(draft, file);
    chmodSync(file, 0o755);
    const node = `Node.js ${process.version}: https://github.com/nodejs/node/blob/${process.version}/LICENSE\n`;
    writeFileSync(`${file}.LICENSES.txt`, `${licenses}\n=== ${node}`);
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
