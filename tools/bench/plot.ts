// The plot of docs/performance.md: for each promised figure a bar of ours divided by what it is compared with, and a
// mark where the promise ends. SVG by hand: one small picture is not worth a library.

import { missed, type Row } from "./arithmetic.ts";

const WIDTH = 900;
const LABELS = 380;
const LINE = 22;
const TOP = 44;
/** Ratios shown: from 0 to this. */
const SCALE = 1.5;

function x(ratio: number): number {
  return LABELS + (Math.min(ratio, SCALE) / SCALE) * (WIDTH - LABELS - 60);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function bar(row: Row, index: number): string {
  const y = TOP + index * LINE;
  const { channel, figure, op, size, placement, ratio, target } = row;
  const label = escaped([channel, figure, op, String(size), placement].filter((word) => word !== "").join(", "));
  const color = missed([row]).length > 0 ? "#c0392b" : "#2e86c1";
  return [
    `<text x="${LABELS - 8}" y="${y + 15}" text-anchor="end">${label}</text>`,
    `<rect x="${LABELS}" y="${y + 3}" width="${(x(ratio) - LABELS).toFixed(1)}" height="${LINE - 7}" fill="${color}"/>`,
    `<text x="${(x(ratio) + 5).toFixed(1)}" y="${y + 15}">${ratio.toFixed(2)}</text>`,
    `<line x1="${x(target ?? 1).toFixed(1)}" x2="${x(target ?? 1).toFixed(1)}" y1="${y}" y2="${y + LINE - 1}" stroke="#222" stroke-width="2"/>`,
  ].join("\n");
}

export function plot(rows: readonly Row[]): string {
  const promised = rows.filter(({ target }) => target !== null);
  const height = TOP + promised.length * LINE + 16;
  const one = x(1).toFixed(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<title>Ours divided by what it is compared with, for each figure with a target</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${LABELS}" y="16" font-weight="bold">ours / libfuse 3 in C; on fusd / ours on CUSE, round trips / pipes; memory and counts / the limit</text>
<text x="${LABELS}" y="32">less is better; the black mark is the most that is promised; the grey line is what it is compared with</text>
<line x1="${one}" x2="${one}" y1="${TOP}" y2="${height - 16}" stroke="#aaa" stroke-dasharray="3 3"/>
${promised.map(bar).join("\n")}
</svg>
`;
}
