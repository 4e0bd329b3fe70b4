// A report as it comes from a daemon, which may be another's, an older one, or lie: whatever it says becomes a Report, and
// what is no number or no text is 0 or empty.

import type { Counts } from "@devlift/core";
import type { Client, DeviceReport, Report, Status, Wait } from "./report.ts";

/** @param value of JSON.parse() */
export function reportFrom(value: unknown): Report {
  const report = object(value);
  return {
    daemon: text(report["daemon"]),
    version: text(report["version"]),
    pid: number(report["pid"]),
    since: text(report["since"]),
    uptimeSeconds: number(report["uptimeSeconds"]),
    residentBytes: number(report["residentBytes"]),
    hardware: Array.isArray(report["hardware"]) ? report["hardware"].map(text) : null,
    devices: list(report["devices"], deviceFrom),
    status: statusFrom(report["status"]),
  };
}

function deviceFrom(value: unknown): DeviceReport {
  const device = object(value);
  return {
    path: text(device["path"]),
    channel: text(device["channel"]),
    open: number(device["open"]),
    clients: list(device["clients"], clientFrom),
    waits: number(device["waits"]),
    longestWaitMs: number(device["longestWaitMs"]),
    waiting: list(device["waiting"], waitFrom),
    counts: typeof device["counts"] === "object" && device["counts"] !== null ? countsFrom(device["counts"]) : null,
  };
}

function clientFrom(value: unknown): Client {
  const client = object(value);
  return {
    pid: number(client["pid"]),
    program: textOrNull(client["program"]),
    since: text(client["since"]),
    readBytes: number(client["readBytes"]),
    writtenBytes: number(client["writtenBytes"]),
  };
}

function waitFrom(value: unknown): Wait {
  const wait = object(value);
  return {
    pid: number(wait["pid"]),
    program: textOrNull(wait["program"]),
    call: text(wait["call"]),
    ms: number(wait["ms"]),
    parked: wait["parked"] === true,
  };
}

function countsFrom(value: unknown): Counts {
  const counts = object(value);
  const latency = object(counts["latency"]);
  const calls = Object.entries(object(counts["calls"])).filter(([kind]) => /^[a-z]{1,20}$/.test(kind));
  return {
    calls: Object.fromEntries(calls.map(([kind, count]) => [kind, number(count)])),
    errors: number(counts["errors"]),
    readBytes: number(counts["readBytes"]),
    writtenBytes: number(counts["writtenBytes"]),
    latency: { buckets: list(latency["buckets"], number), seconds: number(latency["seconds"]) },
  };
}

/** Values, lists of values, and tables. */
function statusFrom(value: unknown): Status {
  const entry = (it: unknown) =>
    Array.isArray(it) ? (it.every(isObject) ? it.map(rowFrom) : it.map(scalar)) : scalar(it);
  return Object.fromEntries(Object.entries(object(value)).map(([name, it]) => [name, entry(it)]));
}

function rowFrom(value: unknown) {
  const cell = (it: unknown) => (Array.isArray(it) ? it.map(scalar) : scalar(it));
  return Object.fromEntries(Object.entries(object(value)).map(([name, it]) => [name, cell(it)]));
}

function scalar(value: unknown) {
  return typeof value === "number" || typeof value === "boolean" || value === null ? value : text(value);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function list<T>(value: unknown, from: (item: unknown) => T): T[] {
  return Array.isArray(value) ? value.map(from) : [];
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}
