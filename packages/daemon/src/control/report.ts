// What a daemon says of itself: what every daemon has, and what its driver adds in words and rows of its own. Nothing here
// knows what the driver's mean, so every driver's can be shown.

import { type Counts, type OpenedFile, processOf, type Served, servedNow, type UnansweredCall } from "@devlift/core";

export type Scalar = string | number | boolean | null;
/** One line of a table: its columns by name, in order. */
export type Row = Readonly<Record<string, Scalar | readonly Scalar[]>>;
/** What a driver has to say: single values, and tables. Names are in camelCase, with their unit: `latencyMs`. */
export type Status = Readonly<Record<string, Scalar | readonly Scalar[] | readonly Row[]>>;

/** What a driver says of itself, when it is asked. */
export interface About {
  status?(): Status;
  /** What is plugged in now, a name each. Left out: the driver needs no hardware */
  hardware?(): readonly string[];
}

export interface Client {
  /** Of the process that opened it. */
  readonly pid: number;
  /** Null: the daemon may not see it. */
  readonly program: string | null;
  /** ISO 8601. */
  readonly since: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** A call that is not answered yet. */
export interface Wait {
  readonly pid: number;
  readonly program: string | null;
  /** "read", "ioctl TCSETS". */
  readonly call: string;
  readonly ms: number;
  /** For the driver's word; false: its handler runs. */
  readonly parked: boolean;
}

export interface DeviceReport {
  readonly path: string;
  readonly channel: string;
  /** Files that are open; where the kernel answers by itself (a pty), 1 when there is any. */
  readonly open: number;
  /** The first 256 of them, and of `waiting`. */
  readonly clients: readonly Client[];
  /** Calls that are not answered. */
  readonly waits: number;
  readonly longestWaitMs: number;
  readonly waiting: readonly Wait[];
  /** Null: the kernel answers by itself. */
  readonly counts: Counts | null;
}

export interface Report {
  readonly daemon: string;
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  readonly uptimeSeconds: number;
  readonly residentBytes: number;
  /** Null: it needs none. */
  readonly hardware: readonly string[] | null;
  readonly devices: readonly DeviceReport[];
  /** The driver's own. */
  readonly status: Status;
}

/** "oss" of "devlift-oss". */
export function driverOf(command: string): string {
  return command.replace(/^devlift-/, "");
}

/** Who a report is of. */
export interface Head {
  readonly daemon: string;
  readonly version: string;
}

/** Clients and waits that are listed of a device: each is looked up in /proc. */
const MOST_LISTED = 256;

/** What this process says of itself now. */
export function reportNow({ daemon, version }: Head, about: About): Report {
  const uptimeSeconds = process.uptime();
  return {
    daemon,
    version,
    pid: process.pid,
    since: agoFrom(uptimeSeconds * 1000),
    uptimeSeconds: Math.round(uptimeSeconds),
    residentBytes: process.memoryUsage.rss(),
    hardware: about.hardware?.() ?? null,
    devices: servedNow().map(deviceOf),
    status: about.status?.() ?? {},
  };
}

function deviceOf({ path, channel, requests, isOpen }: Served): DeviceReport {
  const open = [...(requests?.files ?? [])];
  const calls = [...(requests?.waiting() ?? [])];
  return {
    path,
    channel,
    open: requests === undefined && isOpen() ? 1 : open.length,
    clients: open.slice(0, MOST_LISTED).map(clientOf),
    waits: calls.length,
    longestWaitMs: Math.round(calls.reduce((longest, { waitedMs }) => Math.max(longest, waitedMs), 0)),
    waiting: calls.slice(0, MOST_LISTED).map(waitOf),
    counts: requests?.counts() ?? null,
  };
}

function clientOf({ opener, openedAt, readBytes, writtenBytes }: OpenedFile): Client {
  return { ...who(opener?.pid ?? 0), since: agoFrom(performance.now() - openedAt), readBytes, writtenBytes };
}

function waitOf({ caller, label, waitedMs, parked }: UnansweredCall): Wait {
  return { ...who(caller.pid), call: label, ms: Math.round(waitedMs), parked };
}

/** @param thread the kernel's number of the caller */
function who(thread: number): { pid: number; program: string | null } {
  const found = processOf({ pid: thread });
  return { pid: found?.pid ?? thread, program: found?.name ?? null };
}

function agoFrom(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}
