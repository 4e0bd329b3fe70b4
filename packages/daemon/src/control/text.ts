// A report as a person reads it: a few words, and tables. No control characters, whoever chose the words.

import type { Client, DeviceReport, Report, Row, Scalar, Wait } from "./report.ts";

export interface TextOptions {
  /** Marks what is a title. Default: as it is */
  readonly title?: (text: string) => string;
  /** The program of a process that the daemon may not see. Default: it is not said */
  readonly programOf?: ((pid: number) => string | undefined) | undefined;
}

export function reportText(
  report: Report,
  { title = (text) => text, programOf = () => undefined }: TextOptions = {},
): string {
  const { daemon, version, pid, uptimeSeconds, residentBytes, hardware, devices, status } = report;
  const memory = `${Math.round(residentBytes / (1 << 20))} MB`;
  const lines = [
    `${title(`${clean(daemon)} ${clean(version)}`)}, process ${pid}, up ${duration(uptimeSeconds)}, ${memory}`,
  ];
  if (hardware !== null) lines.push(`hardware: ${hardware.map(clean).join(", ") || "absent"}`);
  for (const [name, value] of Object.entries(status))
    if (!isTable(value)) lines.push(`${words(name)}: ${shown(value)}`);
  const table = (name: string, rows: readonly Row[]) => lines.push("", title(`${name}:`), ...tableOf(rows));
  table("devices", devices.map(deviceRow));
  const named = (it: { pid: number; program: string | null }) => it.program ?? programOf(it.pid) ?? null;
  const clients = devices.flatMap(({ path, clients }) => clients.map((it) => clientRow(path, it, named(it))));
  if (clients.length > 0) table("clients", clients);
  const waits = devices.flatMap(({ path, waiting }) => waiting.map((it) => waitRow(path, it, named(it))));
  if (waits.length > 0) table("waiting", waits);
  for (const [name, value] of Object.entries(status)) if (isTable(value)) table(words(name), value);
  return `${lines.join("\n")}\n`;
}

function deviceRow({ path, channel, open, counts }: DeviceReport): Row {
  const calls = counts === null ? null : Object.values(counts.calls).reduce((sum, count) => sum + count, 0);
  return { device: path, channel, open, calls, errors: counts?.errors ?? null };
}

function clientRow(device: string, { pid, since, readBytes, writtenBytes }: Client, program: string | null): Row {
  return { device, pid, program, since: since.replace(/\.\d+/, ""), readBytes, writtenBytes };
}

function waitRow(device: string, { pid, call, ms, parked }: Wait, program: string | null): Row {
  return {
    device,
    pid,
    program,
    call,
    seconds: (ms / 1000).toFixed(1),
    for: parked ? "the driver's word" : "its handler",
  };
}

function isTable(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.every((row) => typeof row === "object" && row !== null);
}

/** Lines of a table, the columns as wide as they must be; numbers to the right. */
export function tableOf(rows: readonly Row[]): string[] {
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

function shown(value: Scalar | readonly Scalar[] | undefined | readonly Row[]): string {
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (value === null || value === undefined) return "-";
  return clean(String(value)) || "-";
}

/** "3 d 4 h", "2 min 5 s". */
export function duration(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
  ] as const;
  for (const [index, [size, name]] of units.entries()) {
    if (seconds < size) continue;
    const [smaller, smallerName] = units[index + 1] ?? [1, "s"];
    return `${Math.floor(seconds / size)} ${name} ${Math.floor((seconds % size) / smaller)} ${smallerName}`;
  }
  return `${Math.floor(seconds)} s`;
}

export function clean(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
