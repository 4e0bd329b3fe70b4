// Native addons in a bundle. npm packages look theirs up with node-gyp-build, in their own folder under node_modules. In
// a bundle that lookup is replaced by a load of a copy, of which node-gyp-build chose the original when it was bundled.

import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InternalError, native } from "@devlift/core";
import type { Plugin } from "esbuild";

/** Where a bundle has the addons of the machine that it runs on, below its own folder. */
export const ADDONS = `prebuilds/${process.platform}-${process.arch}`;

/** Copies our own addon to `folder`. */
export function copyOwnAddon(folder: string): void {
  copyFileSync(native.addonPath(), join(folder, "devlift.node"));
}

/**
 * Copies the addons that importing packages would load to `folder`.
 * @param load JavaScript that loads one of them, from its name in JavaScript
 */
export function addons(folder: string, load: (name: string) => string): Plugin {
  return {
    name: "addons",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node-gyp-build$/ }, ({ importer }) => ({
        path: packageRoot(importer),
        namespace: "addon",
      }));
      onLoad({ filter: /.*/, namespace: "addon" }, ({ path }) => {
        const require = createRequire(join(path, "package.json"));
        const { path: chosen }: { path(folder: string): string } = require("node-gyp-build");
        const { name }: { name: string } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
        const file = `${name.replace(/^@/, "").replaceAll("/", "-")}.node`;
        copyFileSync(chosen(path), join(folder, file));
        return { contents: `module.exports = () => ${load(JSON.stringify(file))};`, loader: "js", resolveDir: "/" };
      });
    },
  };
}

function packageRoot(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, "package.json")) && existsSync(join(folder, "prebuilds"))) return folder;
  throw new InternalError(`${file} looks for an addon, but no folder above it has prebuilds`);
}
