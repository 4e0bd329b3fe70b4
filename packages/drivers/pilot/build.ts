// Bundles the daemon into dist/, with the native addons of this platform beside it. `build.ts FOLDER` makes another
// folder than dist/.
//
// The packages `usb` and `serialport` look their addons up with node-gyp-build, in their own folder under node_modules.
// In the bundle that lookup is replaced by a load of the addon beside it, which node-gyp-build chose when it was built.

import { copyFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InternalError } from "@devlift/core";
import { bundle } from "@devlift/daemon/bundle";
import type { Plugin } from "esbuild";
import { description } from "./src/description.ts";

const root = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, "dist"));

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

await bundle({
  name: "devlift-pilot",
  entry: join(root, "src", "bin.ts"),
  folder: dist,
  plugins: [addons],
  description,
});
