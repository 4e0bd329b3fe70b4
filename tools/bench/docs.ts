// docs/performance.md's table and plot. docs/performance.json keeps the rows, so that a run of one channel, or of a
// few figures, replaces just its own.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { nameOf, type Row } from "./arithmetic.ts";
import { CHECKOUT } from "./built.ts";
import { plot } from "./plot.ts";
import { markdownTable } from "./table.ts";

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

interface Kept {
  readonly machine: string;
  readonly rows: readonly Row[];
}

/** The rows of `older` with those of `newer` in their places, or after them. */
export function merged(older: readonly Row[], newer: readonly Row[]): Row[] {
  const rows = new Map(older.map((row) => [nameOf(row), row]));
  for (const row of newer) rows.set(nameOf(row), row);
  return [...rows.values()];
}

/** `page` with what stands between the marks replaced. @throws ToolError when the marks are not there */
export function between(page: string, text: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new ToolError(`docs/performance.md has no ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n${text}\n${page.slice(end)}`;
}

export async function writeDocs(rows: readonly Row[]): Promise<void> {
  const file = (extension: string) => join(CHECKOUT, "docs", `performance.${extension}`);
  const before: Kept | undefined = existsSync(file("json"))
    ? JSON.parse(await readFile(file("json"), "utf8"))
    : undefined;
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} CPUs, Linux ${release().replace(/-.*/, "")}`;
  const kept: Kept = { machine, rows: merged(before?.rows ?? [], rows) };
  await writeFile(file("json"), `${JSON.stringify(kept, null, 2)}\n`);
  await writeFile(file("svg"), plot(kept.rows));
  const text = `\n${kept.machine}; what is on CUSE or fusd: in the virtual machine, under software emulation.\n\n${markdownTable(kept.rows)}\n`;
  await writeFile(file("md"), between(await readFile(file("md"), "utf8"), text));
}
