// Bundles a daemon into one file of JavaScript and, beside it, the native addons of this platform, so that the folder
// runs wherever it is copied, with no node_modules. For the build scripts of drivers.

import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { ADDONS, addons, copyOwnAddon } from "./addons.ts";
import type { DriverDescription } from "./description.ts";
import { licensesOf } from "./licenses.ts";

export { ADDONS };

export interface Bundle {
  /** The command, e.g. "devlift-pilot": the bundle is NAME.mjs. */
  readonly name: string;
  /** Its main file. */
  readonly entry: string;
  /** The folder, which is made anew. */
  readonly folder: string;
  /** Of a driver: written beside the bundle, for `devlift`. */
  readonly description?: DriverDescription;
}

/** @throws what esbuild says */
export async function bundle({ name, entry, folder, description }: Bundle): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const addonFolder = join(folder, ADDONS);
  mkdirSync(addonFolder, { recursive: true });
  const outfile = join(folder, `${name}.mjs`);
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    metafile: true,
    // Dependencies in CommonJS call require(), which a module has to make for them.
    banner: {
      js: [
        "#!/usr/bin/env node",
        'import { createRequire as devliftCreateRequire } from "node:module";',
        "const require = devliftCreateRequire(import.meta.url);",
        "const __dirname = import.meta.dirname;",
        "const __filename = import.meta.filename;",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is evaluated in the bundle
        "const devliftAddon = (name) => require(`./prebuilds/${process.platform}-${process.arch}/${name}`);",
      ].join("\n"),
    },
    plugins: [addons(addonFolder)],
  });
  copyOwnAddon(addonFolder);
  writeFileSync(join(folder, "LICENSES.txt"), licensesOf(metafile));
  if (description !== undefined)
    writeFileSync(join(folder, "driver.json"), `${JSON.stringify(description, undefined, 2)}\n`);
  chmodSync(outfile, 0o755);
  console.log(`${folder}: ${readdirSync(folder, { recursive: true }).sort().join(", ")}`);
}
