// What a daemon says of itself, and how a person reads it: a few words, and tables of what there is now. The driver gives
// the words and the rows; nothing here knows what they mean, so every daemon's can be shown.

export type Scalar = string | number | boolean | null;
/** One line of a table: its columns by name, in order. */
export type Row = Readonly<Record<string, Scalar | readonly Scalar[]>>;
/** What a driver has to say: single values, and tables. Names are in camelCase, with their unit: `latencyMs`. */
export type Status = Readonly<Record<string, Scalar | readonly Scalar[] | readonly Row[]>>;

export interface Report {
  readonly daemon: string;
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  readonly status: Status;
}

/** Text for a person: no control characters, whoever chose the words. */
export function reportText(report: unknown): string {
  const { status, ...head } = objectOf(report);
  const { daemon, version, pid, since } = head;
  const lines = [`${shown(daemon)} ${shown(version)}, process ${shown(pid)}, since ${shown(since)}`];
  for (const [name, value] of Object.entries(objectOf(status))) {
    if (isTable(value)) lines.push("", `${words(name)}:`, ...tableOf(value.map(objectOf)));
    else lines.push(`${words(name)}: ${shown(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function isTable(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.every((row) => typeof row === "object" && row !== null);
}

function tableOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (columns.length === 0) return ["  none"];
  const cells = [columns.map(words), ...rows.map((row) => columns.map((column) => shown(row[column])))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? "").length)));
  const isNumber = columns.map((column) => rows.every((row) => typeof row[column] === "number"));
  return cells.map((line) => {
    const padded = line.map((cell, column) =>
      isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    return `  ${padded.join("  ")}`.trimEnd();
  });
}

/** "latencyMs": "latency ms". */
function words(name: string): string {
  return clean(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (value === null || value === undefined) return "-";
  if (typeof value === "object") return clean(JSON.stringify(value));
  return clean(String(value)) || "-";
}

function clean(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
