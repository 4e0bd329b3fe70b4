// Bundles the daemon into dist/: one file of JavaScript and, beside it, the native addons of this platform, so that
// the folder runs wherever it is copied, with no node_modules. `build.ts FOLDER` makes another folder than dist/.
//
// The packages `usb` and `serialport` look their addons up with node-gyp-build, in their own folder under node_modules.
// In the bundle that lookup is replaced by a load of the addon beside it, which node-gyp-build chose when it was built.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InternalError, native } from "@devlift/core";
import { build, type Plugin } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, "dist"));
const bundle = join(dist, "devlift-pilot.mjs");

/** Copies the addon that the importing package would load, and makes its lookup a plain require of the copy. */
const addons: Plugin = {
  name: "addons",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node-gyp-build$/ }, ({ importer }) => ({ path: packageRoot(importer), namespace: "addon" }));
    onLoad({ filter: /.*/, namespace: "addon" }, ({ path }) => {
      const require = createRequire(join(path, "package.json"));
      const { path: chosen }: { path(folder: string): string } = require("node-gyp-build");
      const { name }: { name: string } = require("./package.json");
      const file = `${name.replace(/^@/, "").replaceAll("/", "-")}.node`;
      copyFileSync(chosen(path), join(dist, file));
      return { contents: `module.exports = () => require("./${file}");`, loader: "js" };
    });
    // What the line above requires is beside the bundle, and stays there.
    onResolve({ filter: /\.node$/ }, ({ path, namespace }) =>
      namespace === "addon" ? { path, external: true } : undefined,
    );
  },
};

function packageRoot(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, "package.json")) && existsSync(join(folder, "prebuilds"))) return folder;
  throw new InternalError(`${file} looks for an addon, but no folder above it has prebuilds`);
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await build({
  entryPoints: [join(root, "src", "bin.ts")],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // Dependencies in CommonJS call require(), which a module has to make for them.
  banner: {
    js: [
      "#!/usr/bin/env node",
      'import { createRequire as devliftCreateRequire } from "node:module";',
      "const require = devliftCreateRequire(import.meta.url);",
      "const __dirname = import.meta.dirname;",
      "const __filename = import.meta.filename;",
    ].join("\n"),
  },
  plugins: [addons],
});
copyFileSync(native.addonPath(), join(dist, "devlift.node"));
chmodSync(bundle, 0o755);
console.log(`${dist}: ${readdirSync(dist).sort().join(", ")}`);
