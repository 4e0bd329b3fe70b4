// `devlift top`: what each device does now, a line each: the difference between what its daemon says now and said before.

import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { LATENCY_BOUNDS } from "@devlift/core";
import { askAll, clean, type DeviceReport, driverOf, print, type Report, type Whom } from "@devlift/daemon";

export interface TopChoice extends Whom {
  readonly json: boolean;
  /** Rounds; Infinity: until somebody ends it. */
  readonly count: number;
}

/** What a device did between two looks. */
export interface Activity {
  readonly driver: string;
  readonly device: string;
  readonly pid: number;
  readonly callsPerSecond: number;
  readonly readBytesPerSecond: number;
  readonly writtenBytesPerSecond: number;
  /** The bound of the bucket that it falls into; null where no call was answered, or it is above the last bound. */
  readonly p50Seconds: number | null;
  readonly p99Seconds: number | null;
  readonly clients: number;
  /** Calls that are not answered, and for how long the oldest of them. */
  readonly waits: number;
  readonly longestWaitSeconds: number;
}

const EVERY_MS = 1000;
const CLEAR = "\x1b[H\x1b[J";

/** Prints until who reads it has gone, or `count` rounds. @throws ControlError when no daemon can be asked */
export async function top(choice: TopChoice): Promise<void> {
  const isTerminal = process.stdout.isTTY === true;
  const colour = isTerminal && process.stdout.hasColors();
  let before = await askAll(choice);
  let asked = performance.now();
  for (let round = 0; round < choice.count; round++) {
    await sleep(EVERY_MS);
    const now = await askAll(choice);
    const seconds = (performance.now() - asked) / 1000;
    asked = performance.now();
    const rows = activities(before, now, seconds);
    before = now;
    const head = isTerminal || round === 0 ? `${colour ? styleText("bold", HEAD) : HEAD}\n` : "";
    const text = choice.json
      ? rows.map((row) => `${JSON.stringify(row)}\n`).join("")
      : `${isTerminal ? CLEAR : ""}${head}${rows.map((row) => `${lineOf(row)}\n`).join("")}`;
    if (!(await print(text))) return;
  }
}

/** @param seconds between the two */
export function activities(before: readonly Report[], now: readonly Report[], seconds: number): Activity[] {
  return now.flatMap((report) => {
    const earlier = before.find(({ pid, since }) => pid === report.pid && sameTime(since, report.since));
    return report.devices.map((device) => {
      const old = earlier?.devices.find(({ path }) => path === device.path);
      return { driver: driverOf(report.daemon), device: device.path, pid: report.pid, ...change(old, device, seconds) };
    });
  });
}

/** A process number comes round again. `since` is reckoned from the uptime, anew each time. */
function sameTime(one: string, other: string): boolean {
  return Math.abs(Date.parse(one) - Date.parse(other)) < 1000;
}

function change(old: DeviceReport | undefined, device: DeviceReport, seconds: number) {
  const { counts, open, waits, longestWaitMs } = device;
  const each = (count: (of: NonNullable<typeof counts>) => number) => {
    if (counts === null) return 0;
    const was = old?.counts ?? undefined;
    return Math.max(0, count(counts) - (was === undefined ? 0 : count(was))) / seconds;
  };
  const buckets = LATENCY_BOUNDS.map((_, index) => each(({ latency }) => latency.buckets[index] ?? 0));
  buckets.push(each(({ latency }) => latency.buckets[LATENCY_BOUNDS.length] ?? 0));
  return {
    callsPerSecond: each(({ calls }) => Object.values(calls).reduce((sum, count) => sum + count, 0)),
    readBytesPerSecond: each(({ readBytes }) => readBytes),
    writtenBytesPerSecond: each(({ writtenBytes }) => writtenBytes),
    p50Seconds: quantile(buckets, 0.5),
    p99Seconds: quantile(buckets, 0.99),
    clients: open,
    waits,
    longestWaitSeconds: longestWaitMs / 1000,
  };
}

/** @returns the upper bound of the bucket in which so many of the calls are below */
export function quantile(buckets: readonly number[], part: number): number | null {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let below = 0;
  const found = buckets.findIndex((count) => {
    below += count;
    return below >= all * part;
  });
  return LATENCY_BOUNDS[found] ?? null;
}

const WIDTHS = [-8, -20, 9, 9, 9, 8, 8, 8, 6, 8] as const;
const HEAD = cells(["DRIVER", "DEVICE", "CALLS/S", "READ/S", "WRITE/S", "P50", "P99", "CLIENTS", "WAITS", "LONGEST"]);

function lineOf(row: Activity): string {
  const { callsPerSecond, readBytesPerSecond, writtenBytesPerSecond, waits, longestWaitSeconds } = row;
  const latency = (seconds: number | null) => (seconds !== null ? `<${time(seconds)}` : callsPerSecond > 0 ? "?" : "-");
  return cells([
    clean(row.driver),
    clean(row.device),
    callsPerSecond.toFixed(0),
    bytes(readBytesPerSecond),
    bytes(writtenBytesPerSecond),
    latency(row.p50Seconds),
    latency(row.p99Seconds),
    String(row.clients),
    String(waits),
    waits === 0 ? "-" : time(longestWaitSeconds),
  ]);
}

/** Negative widths are to the left. */
function cells(texts: readonly string[]): string {
  return texts
    .map((text, column) => {
      const width = WIDTHS[column] ?? 0;
      return width < 0 ? text.padEnd(-width) : text.padStart(width);
    })
    .join(" ");
}

function bytes(count: number): string {
  if (count < 10_000) return count.toFixed(0);
  return count < 10_000_000 ? `${(count / 1000).toFixed(0)}k` : `${(count / 1e6).toFixed(0)}M`;
}

function time(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)}us`;
  return seconds < 1 ? `${Math.round(seconds * 1000)}ms` : `${seconds.toFixed(1)}s`;
}
