// The libraries as JavaScript with declarations: one run of the compiler over all of them, each into its own dist/.

import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { native } from "@devlift/core";
import { ADDONS } from "@devlift/daemon/bundle";
import { run } from "../shared/run.ts";
import { CHECKOUT } from "../vm/vm.ts";
import type { Package } from "./packages.ts";

/** @throws ToolError with what the compiler says */
export async function compile(libraries: readonly Package[]): Promise<void> {
  const work = join(CHECKOUT, ".cache", "release");
  const out = join(work, "compiled");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const project = {
    extends: join(CHECKOUT, "tsconfig.base.json"),
    // All files by name: what the compiler only finds behind a link in node_modules it may take for another's, and not write.
    include: libraries.map(({ folder }) => join(folder, "src")),
    // For tools/ioctlgen, which is not released.
    exclude: [join(CHECKOUT, "packages/*/src/**/*.annotations.ts")],
    compilerOptions: {
      noEmit: false,
      noEmitOnError: true,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: join(CHECKOUT, "packages"),
      outDir: out,
    },
  };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify(project));
  await run("tsc", ["-p", work]);
  for (const { folder } of libraries) {
    const dist = join(folder, "dist");
    rmSync(dist, { recursive: true, force: true });
    cpSync(join(out, basename(folder), "src"), dist, { recursive: true });
    nameJavaScript(dist);
  }
  const core = libraries.find(({ name }) => name === "@devlift/core");
  if (core === undefined) return;
  mkdirSync(join(core.folder, "dist", ADDONS), { recursive: true });
  copyFileSync(native.addonPath(), join(core.folder, "dist", ADDONS, "devlift.node"));
}

/** The compiler rewrites `from "./x.ts"` in JavaScript alone; in declarations it stays, and names a file that is not there. */
function nameJavaScript(dist: string): void {
  for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue;
    const path = join(dist, name);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/((?:from |import\()"\.[^"]+)\.ts"/g, '$1.js"'));
  }
}
