// Bundles a daemon into one file of JavaScript and, beside it, the native addons of this platform, so that the folder
// runs wherever it is copied, with no node_modules. For the build scripts of drivers.

import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
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

const COMMON = { bundle: true, platform: "node", target: "node20", metafile: true } as const;

/** @throws what esbuild says */
export async function bundle({ name, entry, folder, description }: Bundle): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const addonFolder = join(folder, ADDONS);
  mkdirSync(addonFolder, { recursive: true });
  const outfile = join(folder, `${name}.mjs`);
  const { metafile } = await build({
    ...COMMON,
    entryPoints: [entry],
    outfile,
    format: "esm",
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
    plugins: [addons(addonFolder, (file) => `devliftAddon(${file})`)],
  });
  copyOwnAddon(addonFolder);
  writeFileSync(join(folder, "LICENSES.txt"), licensesOf(metafile));
  if (description !== undefined)
    writeFileSync(join(folder, "driver.json"), `${JSON.stringify(description, undefined, 2)}\n`);
  chmodSync(outfile, 0o755);
  console.log(`${folder}: ${readdirSync(folder, { recursive: true }).sort().join(", ")}`);
}

/**
 * The whole of a driver's build.ts: bundles src/bin.ts below `root` into dist/, or into the folder that the command line names.
 * @throws what esbuild says
 */
export async function bundleDriver(root: string, description: DriverDescription): Promise<void> {
  const folder = resolve(process.argv[2] ?? join(root, "dist"));
  await bundle({ name: description.command, entry: join(root, "src", "bin.ts"), folder, description });
}

/** What a single executable has in it (https://nodejs.org/api/single-executable-applications.html). */
export interface ExecutableParts {
  /** A script in CommonJS, which such an executable has to begin with. */
  readonly main: string;
  /** Files, by the name that executable.ts asks for. */
  readonly assets: Readonly<Record<string, string>>;
  readonly licenses: string;
}

/**
 * Bundles a daemon for a single executable.
 * @param cli the module whose `main(args)` it runs
 * @param folder is made, and gets the parts
 * @throws what esbuild says
 */
export async function bundleExecutable(cli: string, folder: string): Promise<ExecutableParts> {
  mkdirSync(folder, { recursive: true });
  const main = join(folder, "main.cjs");
  // In a checkout it is TypeScript, as we are; in a package neither is.
  const own = fileURLToPath(import.meta.url);
  const runtime = JSON.stringify(join(dirname(own), `executable${extname(own)}`));
  const { metafile } = await build({
    ...COMMON,
    stdin: {
      contents: `import { start } from ${runtime};\nimport { main } from ${JSON.stringify(cli)};\nstart(main);`,
      resolveDir: dirname(cli),
    },
    outfile: main,
    format: "cjs",
    // Nothing is beside an executable, so nobody asks where it is but to say so.
    define: { "import.meta.url": "devliftUrl" },
    banner: { js: 'const devliftUrl = require("node:url").pathToFileURL(process.execPath).href;' },
    plugins: [addons(folder, (file) => `require(${runtime}).addon(${file})`)],
  });
  copyOwnAddon(folder);
  const names = readdirSync(folder).filter((name) => name.endsWith(".node"));
  return {
    main,
    assets: Object.fromEntries(names.map((name) => [name, join(folder, name)])),
    licenses: licensesOf(metafile),
  };
}
