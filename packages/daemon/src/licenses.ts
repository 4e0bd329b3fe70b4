// The licenses of what a bundle has in it of others, as one text: their terms ask that it goes along.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { InternalError } from "@devlift/core";
import type { Metafile } from "esbuild";

/** @param inputs what esbuild has bundled. @throws InternalError for a package that has no text of its license */
export function licensesOf({ inputs }: Metafile): string {
  const files = Object.keys(inputs).map((input) => resolve(input.replace(/^addon:/, "")));
  const roots = new Set(files.filter((file) => file.includes("/node_modules/")).map(packageRoot));
  const texts = [...roots].map(describe).sort();
  return `This program has in it these packages of others.\n\n${[...new Set(texts)].join("\n")}`;
}

/** The folder right below node_modules. An addon's input is that folder itself. */
function packageRoot(file: string): string {
  for (let folder = file; folder !== dirname(folder); folder = dirname(folder))
    if (/\/node_modules\/(@[^/]+\/)?[^/]+$/.test(folder)) return folder;
  throw new InternalError(`${file} is in no package`);
}

function describe(root: string): string {
  const { name, version, license }: Record<string, string> = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const files = readdirSync(root).filter((file) => /^(licen[cs]e|copying)([.-]|$)/i.test(file));
  // libusb is in the addon of the package usb.
  if (existsSync(join(root, "libusb", "COPYING"))) files.push("libusb/COPYING");
  if (license === undefined) throw new InternalError(`${root} does not say which license it has`);
  const texts = files.map((file) => `--- ${file}\n\n${readFileSync(join(root, file), "utf8").trim()}\n`);
  return [`=== ${name} ${version}: ${license}\n`, ...texts].join("\n");
}
