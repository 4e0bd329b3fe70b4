// The files of a new driver: those in common/, and over them those of its kind, with its name in the place of NAME.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ToolError } from "../shared/errors.ts";
import { checkName } from "./name.ts";

const OWN = dirname(fileURLToPath(import.meta.url));

export const KINDS = ["plain", "usb", "tty"] as const;
export type Kind = (typeof KINDS)[number];

/** The libraries that each needs besides those of every driver. */
const USES: Readonly<Record<Kind, readonly string[]>> = { plain: [], usb: ["@devlift/usb"], tty: ["@devlift/tty"] };

/** What editors and the types' check of the templates need, and a driver has from common/. */
const OF_TEMPLATES = "tsconfig.json";

export interface NewDriver {
  readonly name: string;
  readonly kind: Kind;
  /** Where the driver becomes packages/drivers/NAME. */
  readonly checkout: string;
}

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string;
}

/** @returns what would be written @throws ToolError for a name that cannot be, and a folder that is there */
export function plan({ name, kind, checkout }: NewDriver): readonly NewFile[] {
  checkName(name, checkout);
  const folder = join(checkout, "packages", "drivers", name);
  if (existsSync(folder)) throw new ToolError(`${folder} is there already`);
  const templates = new Map<string, string>();
  for (const path of filesIn("common")) templates.set(path, join(OWN, "common", path));
  for (const path of filesIn(kind)) if (path !== OF_TEMPLATES) templates.set(path, join(OWN, kind, path));
  const fill = (text: string) => text.replaceAll("NAME", name);
  return [...templates].sort().map(([path, template]) => {
    const content = fill(readFileSync(template, "utf8"));
    return { path: join(folder, fill(path)), content: path === "package.json" ? withUses(content, kind) : content };
  });
}

/** Writes the files. @returns their paths */
export function generate(driver: NewDriver): readonly string[] {
  return plan(driver).map(({ path, content }) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { flag: "wx" });
    return path;
  });
}

/** Relative to the folder. */
function filesIn(folder: string): string[] {
  const root = join(OWN, folder);
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => statSync(join(root, path)).isFile());
}

function withUses(text: string, kind: Kind): string {
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(text);
  for (const library of USES[kind]) manifest.devDependencies[library] = "workspace:*";
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
