// What was there before each step of a driver's replacement, one JSON line a step, in /var/lib/devlift. It is on the disk
// before the first step is begun, so that whoever comes after a run that ended anywhere knows what may have been changed.

import { UsageError } from "@devlift/core";
import type { Entry } from "./steps.ts";
import { type System, textFile } from "./system.ts";

const FOLDER = "/var/lib/devlift";

export function journalPath(driver: string): string {
  return `${FOLDER}/${driver}.journal`;
}

/** @returns the steps that may have been done, first to last; undefined when the driver was not put in the kernel's place */
export function readJournal(system: System, driver: string): readonly Entry[] | undefined {
  const image = system.readFile(journalPath(driver));
  if (image === undefined) return undefined;
  const lines = Buffer.from(image.bytes, "base64").toString().split("\n");
  return lines.filter((line) => line !== "").map((line) => entryFrom(driver, line));
}

export function writeJournal(system: System, driver: string, entries: readonly Entry[]): void {
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`);
  system.writeFile(journalPath(driver), { ...textFile(lines.join("")), mode: 0o600 });
}

export function forgetJournal(system: System, driver: string): void {
  system.writeFile(journalPath(driver), undefined);
  system.removeFolder(FOLDER);
}

function entryFrom(driver: string, line: string): Entry {
  try {
    const entry: Entry = JSON.parse(line);
    if (entry.step.kind === entry.before.kind) return entry;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new UsageError(`${journalPath(driver)} was changed by somebody: it says ${JSON.stringify(line.slice(0, 80))}`);
}
