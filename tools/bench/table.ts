// Rows as a table: for a terminal, and as Markdown. One line a figure, one column a peer.

import { missed, type Row } from "./arithmetic.ts";

const HEAD = [
  "channel",
  "figure",
  "call",
  "size",
  "placement",
  "unit",
  "ours",
  "p99",
  "peer",
  "",
  "p99",
  "ratio",
  "at most",
];

function cells(row: Row): string[] {
  const p99 = (value: number | null) => (value === null ? "" : String(value));
  return [
    row.channel,
    row.figure,
    row.op,
    String(row.size),
    row.placement,
    row.unit,
    String(row.ours),
    p99(row.oursP99),
    row.peerName,
    String(row.peer),
    p99(row.peerP99),
    row.ratio.toFixed(2),
    row.target === null ? "" : `${row.target.toFixed(2)}${missed([row]).length > 0 ? " MISSED" : ""}`,
  ];
}

export function textTable(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function markdownTable(rows: readonly Row[]): string {
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  return [line(HEAD), line(HEAD.map(() => "---")), ...rows.map((row) => line(cells(row)))].join("\n");
}
