// The matrix, as Markdown in the driver's README, and as a text for a terminal.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { CHECKOUT } from "../vm/vm.ts";
import type { Line } from "./verdict.ts";

const TITLES: readonly (readonly [column: string, title: string])[] = [
  ["kernel", "the kernel's over snd-aloop"],
  ["osspd", "osspd"],
  ["cuse", "ours on CUSE"],
  ["fusd", "ours on fusd"],
];

export function table(lines: readonly Line[]): string {
  const head = ["", ...TITLES.map(([, title]) => title)];
  const rows = lines.map(({ kind, program, cells }) => [
    `${program} ${kind}`,
    ...TITLES.map(([column]) => cells[column]?.text ?? ""),
  ]);
  const line = (texts: readonly string[]) => `| ${texts.map((text) => text.replaceAll("|", "/")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** Replaces the table in the README. */
export function writeDocs(kernel: string, lines: readonly Line[]): Promise<void> {
  return between(
    "packages/drivers/oss/README.md",
    "npm run oss -- --docs",
    `Linux ${kernel}, PulseAudio.\n\n${table(lines)}`,
  );
}

/** Replaces what stands in a page of the checkout between the marks of a command. @throws ToolError when they are not there */
export async function between(page: string, command: string, text: string): Promise<void> {
  const file = join(CHECKOUT, page);
  const [start, end] = [`<!-- begin: written by ${command} -->`, "<!-- end -->"];
  const before = await readFile(file, "utf8");
  const begin = before.indexOf(start);
  const after = before.indexOf(end, begin);
  if (begin < 0 || after < 0) throw new ToolError(`${page} has no place for what ${command} writes`);
  await writeFile(file, `${before.slice(0, begin + start.length)}\n\n${text}\n\n${before.slice(after)}`);
}
