// What the devices cost, as a table, and whether ours keep what was promised: issue 5's "Speed".

import { between } from "./docs.ts";
import type { Figure } from "./measure.ts";

interface Row {
  readonly title: string;
  readonly value: (figure: Figure) => number | null;
  readonly digits: number;
  /** @param osspd its own value @returns the most that ours may be */
  readonly most: (osspd: number) => number;
}

const ROWS: readonly Row[] = [
  // Two milliseconds are what a measurement under emulation is worth.
  { title: "from write(2) to the monitor, ms", value: ({ latency }) => latency, digits: 1, most: (osspd) => osspd + 2 },
  { title: "GETODELAY is wrong by, ms", value: ({ delayError }) => delayError, digits: 1, most: () => 2 },
  {
    title: "processor time for ten minutes, s",
    value: ({ processor }) => processor,
    digits: 0,
    most: (osspd) => 1.5 * osspd,
  },
  { title: "32 streams at once: gaps, ms", value: ({ gaps }) => gaps, digits: 0, most: (osspd) => osspd },
];

const COLUMNS = [
  ["osspd", "osspd"],
  ["cuse", "ours on CUSE"],
  ["fusd", "ours on fusd"],
] as const;
const OURS = COLUMNS.slice(1);

/** null: not to be told. */
function text({ digits }: Row, value: number | null | undefined): string {
  return value === undefined ? "" : (value?.toFixed(digits) ?? "?");
}

/** The most that ours may be; undefined: anything. */
function limit(row: Row, osspd: Figure | undefined): number | undefined {
  const value = osspd === undefined ? null : row.value(osspd);
  return value === null ? undefined : row.most(value);
}

export function figuresTable(figures: readonly Figure[]): string {
  const by = new Map(figures.map((figure) => [figure.column, figure]));
  const osspd = by.get("osspd");
  const rows = ROWS.map((row) => {
    const values = COLUMNS.map(([column]) => by.get(column)).map((figure) => figure && row.value(figure));
    return [row.title, ...values.map((value) => text(row, value)), text(row, limit(row, osspd))];
  });
  const head = ["", ...COLUMNS.map(([, title]) => title), "at most"];
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** The targets that are not reached, by name. */
export function missed(figures: readonly Figure[]): string[] {
  const osspd = figures.find(({ column }) => column === "osspd");
  return OURS.flatMap(([column, title]) => {
    const figure = figures.find((one) => one.column === column);
    if (figure === undefined) return [];
    return ROWS.filter(
      (row) => (row.value(figure) ?? Number.POSITIVE_INFINITY) > (limit(row, osspd) ?? Number.POSITIVE_INFINITY),
    ).map((row) => `${row.title}, ${title}: ${text(row, row.value(figure))}`);
  });
}

export function writeFigures(figures: readonly Figure[]): Promise<void> {
  return between("docs/performance.md", "npm run oss -- --bench --docs", figuresTable(figures));
}
