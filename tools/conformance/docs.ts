// docs/conformance.md: what each channel does of the contract, theme by theme, and what it cannot do and why.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import { CHECKOUT } from "../vm/vm.ts";
import { BITS } from "./build.ts";
import type { ChannelRun } from "./cli.ts";
import type { Result } from "./suite.ts";

const PAGE = join(CHECKOUT, "docs/conformance.md");
const BEGIN = "<!-- begin: written by npm run conformance -- --docs -->";
/** More are counted. */
const MOST_NAMES = 12;
const END = "<!-- end -->";

/** Replaces the tables in the page by those of these runs. */
export async function writeDocs(runs: readonly ChannelRun[]): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new ToolError(`${PAGE} has no place for the tables`);
  await writeFile(PAGE, `${page.slice(0, begin)}${BEGIN}\n\n${tables(runs)}\n${page.slice(end)}`);
}

/** The tables, in Markdown. */
export function tables(runs: readonly ChannelRun[]): string {
  const titles = runs.map(({ channel, kernel }) =>
    channel === "memory" ? channel : `${channel}, Linux ${lineOf(kernel)}`,
  );
  const head = ["Cases", ...titles];
  const lines = [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`];
  for (const theme of themesOf(runs)) {
    const cells = runs.map(({ results }) => cell(results.filter((result) => themeOf(result) === theme)));
    lines.push(`| ${theme} | ${cells.join(" | ")} |`);
  }
  for (const bits of BITS) {
    const cells = runs.map(({ results }) => cell(results.filter((result) => result.bits === bits)));
    lines.push(`| **${bits === "x32" ? "x32" : `${bits}-bit`} callers** | ${cells.join(" | ")} |`);
  }
  lines.push("", "A cell says how many passed; and of the others, how many are unsupported or have failed.", "");
  for (const [index, { results }] of runs.entries()) {
    const reasons = new Map<string, Set<string>>();
    for (const { name, outcome, text } of results) {
      if (outcome === "unsupported") reasons.set(text, (reasons.get(text) ?? new Set()).add(name));
    }
    lines.push(`### Unsupported on ${titles[index]}`, "");
    if (reasons.size === 0) lines.push("Nothing.");
    for (const [reason, names] of reasons) lines.push(`- ${reason}: ${list([...names])}`);
    lines.push("");
  }
  return lines.join("\n");
}

/** Names, or where there are many how many of each theme. */
function list(names: readonly string[]): string {
  if (names.length <= MOST_NAMES) return names.map((name) => `\`${name}\``).join(", ");
  const themes = new Map<string, number>();
  for (const name of names) themes.set(themeOf({ name }), (themes.get(themeOf({ name })) ?? 0) + 1);
  const counts = [...themes].map(([theme, count]) => `\`${theme}/\` ${count}`);
  return `${names.length} cases (${counts.join(", ")})`;
}

function themeOf({ name }: Pick<Result, "name">): string {
  return name.split("/")[0] ?? name;
}

function themesOf(runs: readonly ChannelRun[]): string[] {
  return [...new Set(runs.flatMap(({ results }) => results.map(themeOf)))].sort();
}

function cell(results: readonly Result[]): string {
  if (results.length === 0) return "";
  const count = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  const parts = [String(count("passed"))];
  if (count("unsupported") > 0) parts.push(`${count("unsupported")} unsupported`);
  if (count("failed") > 0) parts.push(`${count("failed")} FAILED`);
  return parts.join(", ");
}

/** "6.12" of "6.12.117+deb12-amd64": what the outcome depends on. */
function lineOf(kernel: string): string {
  return /^\d+\.\d+/.exec(kernel)?.[0] ?? kernel;
}
