// What is released: the packages of the workspace that are not private. Drivers, and `devlift` itself, bring a command; the
// others are libraries, for authors of drivers.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../vm/vm.ts";

export interface Package {
  /** Absolute. */
  readonly folder: string;
  /** As npm knows it, e.g. "@devlift/pilot". */
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

/** It has a main file in src/bin.ts, which is bundled into dist/. */
export interface Command extends Package {
  /** What a person types, e.g. "devlift-pilot". */
  readonly command: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
}

function packagesIn(parent: string): (Package & { readonly manifest: Manifest })[] {
  return readdirSync(join(CHECKOUT, parent))
    .sort()
    .map((folder) => join(CHECKOUT, parent, folder))
    .filter((path) => existsSync(join(path, "package.json")))
    .map((path) => {
      const manifest: Manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
      const { name, version, description = "" } = manifest;
      return { folder: path, name, version, description, manifest };
    })
    .filter(({ manifest }) => manifest.private !== true);
}

export function libraries(): Package[] {
  return packagesIn("packages").filter(({ manifest }) => manifest.bin === undefined);
}

export function commands(): Command[] {
  return [...packagesIn("packages"), ...packagesIn("packages/drivers")].flatMap(({ manifest, ...found }) =>
    Object.keys(manifest.bin ?? {}).map((command) => ({ ...found, command })),
  );
}

/** The commands that are drivers' daemons, in order of their names. */
export function drivers(): Command[] {
  return commands().filter(({ folder }) => folder.includes("/drivers/"));
}
