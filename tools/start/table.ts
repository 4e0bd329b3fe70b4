// What a handheld has, as lines for a person. Pure.

import type { Overview } from "@devlift/testing";
import { clean } from "./screen.ts";

const COLUMNS = [
  { title: "Database", align: "left" },
  { title: "Type", align: "left" },
  { title: "Creator", align: "left" },
  { title: "Records", align: "right" },
  { title: "Size", align: "right" },
] as const;
const GAP = "   ";
const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** E.g. "Devlift User, Palm OS 5.4, 127.9 of 128 MB free". */
export function describeHandheld({ user, palmOs, memory }: Overview): string {
  const name = user.name === "" ? "no user yet" : clean(user.name);
  const [unit, unitName] = memory.size < MEBIBYTE ? [KIBIBYTE, "KB"] : [MEBIBYTE, "MB"];
  const amount = (bytes: number): string => String(Math.floor((bytes / unit) * 10) / 10);
  return `${name}, Palm OS ${palmOs}, ${amount(memory.free)} of ${amount(memory.size)} ${unitName} free`;
}

/** Titles, a rule, and a line for each database, sorted by name. */
export function databaseTable({ databases }: Overview): string[] {
  const rows = [...databases]
    .sort((one, other) => one.name.localeCompare(other.name, "en"))
    .map(({ name, type, creator, records, bytes }) => [
      clean(name),
      clean(type),
      clean(creator),
      records === null ? "?" : String(records),
      bytes === null ? "?" : `${(bytes / KIBIBYTE).toFixed(1)} KB`,
    ]);
  const titles = COLUMNS.map(({ title }) => title);
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => pad(cell, COLUMNS[column]?.align, widths[column]))
      .join(GAP)
      .trimEnd();
  return [line(titles), widths.map((width) => "─".repeat(width)).join(GAP), ...rows.map(line)];
}

function pad(text: string, align = "left", width = 0): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
