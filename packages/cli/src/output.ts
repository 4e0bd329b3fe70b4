// What a person reads: a table, findings; with colour on a terminal, plain lines in a pipe. Names come from hardware and
// from other people's processes, so control characters never reach the terminal.

import { styleText } from "node:util";
import type { Finding } from "./doctor/finding.ts";
import type { State } from "./state.ts";

export interface Output {
  readonly colour: boolean;
  write(text: string): void;
}

type Style = Parameters<typeof styleText>[0];

function styled(output: Output, style: Style, text: string): string {
  return output.colour ? styleText(style, text) : text;
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}

const COLUMNS = ["DRIVER", "DEVICE", "REPLACES", "STATE", "HARDWARE", "CLIENTS"] as const;

export function printList(output: Output, states: readonly State[]): void {
  const rows = states.map((state) => rowOf(state).map(printable));
  const widths = COLUMNS.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  output.write(`${styled(output, "bold", line(COLUMNS))}\n`);
  for (const row of rows) output.write(`${line(row)}\n`);
}

function rowOf({ driver, driving, nodes, hardware }: State): readonly string[] {
  const clients = nodes.flatMap((node) => node.clients.map(({ name, pid }) => `${name}(${pid})`));
  const devices = hardware?.map(({ id, product }) => `${id}${product === undefined ? "" : ` ${product}`}`);
  return [
    driver.name,
    driver.nodes[0] ?? "",
    driver.replaces.join(","),
    driving,
    devices === undefined ? "none needed" : devices.join(", ") || "absent",
    clients.join(", ") || "-",
  ];
}

export function printFindings(output: Output, findings: readonly Finding[]): void {
  for (const { code, severity, driver, text, mend } of findings) {
    const mark = severity === "problem" ? styled(output, "red", "problem") : styled(output, "yellow", "note   ");
    output.write(`${mark}  ${printable(`${driver === undefined ? "" : `${driver}: `}${text}`)} [${code}]\n`);
    if (mend !== undefined) output.write(`         ${styled(output, "cyan", `mend: ${printable(mend)}`)}\n`);
  }
  const problems = findings.filter(({ severity }) => severity === "problem").length;
  output.write(`${problems === 0 ? "no problem" : `${problems} ${problems === 1 ? "problem" : "problems"}`} found\n`);
}
