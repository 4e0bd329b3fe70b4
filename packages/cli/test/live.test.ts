// What `devlift top` makes of two reports, and `devlift logs` of a machine.

import { LATENCY_BOUNDS } from "@devlift/core";
import type { Report } from "@devlift/daemon";
import { expect, test } from "vitest";
import { journalArguments } from "../src/live/logs.ts";
import { activities, quantile } from "../src/live/top.ts";
import { machineWith } from "./fake-machine.ts";

/** Of a daemon whose device has had so many reads, each within the bucket's bound. */
function report(reads: number, bucket: number, more: Partial<Report> = {}): Report {
  const buckets = [...LATENCY_BOUNDS, 0].map((_, index) => (index === bucket ? reads : 0));
  const latency = { buckets, seconds: 1 };
  const counts = { calls: { open: 1, read: reads }, errors: 0, readBytes: reads * 100, writtenBytes: 0, latency };
  return {
    ...{ daemon: "devlift-oss", version: "1", pid: 7, since: "2026-11-23T00:00:00.000Z", uptimeSeconds: 1 },
    ...{ residentBytes: 1, hardware: null, status: {} },
    devices: [
      { path: "/dev/dsp", channel: "cuse", open: 2, clients: [], waits: 1, longestWaitMs: 1500, waiting: [], counts },
    ],
    ...more,
  };
}

test("top shows what happened between two looks", () => {
  const common = { driver: "oss", device: "/dev/dsp", pid: 7, writtenBytesPerSecond: 0 };
  expect(activities([report(10, 3)], [report(30, 3)], 2)).toEqual([
    {
      ...{ ...common, callsPerSecond: 10, readBytesPerSecond: 1000, p50Seconds: 1e-4, p99Seconds: 1e-4 },
      ...{ clients: 2, waits: 1, longestWaitSeconds: 1.5 },
    },
  ]);
  // Another daemon that has got the number of one that has ended.
  const since = "2026-11-23T01:00:00.000Z";
  expect(activities([report(10, 3)], [report(30, 3, { since })], 2)).toMatchObject([{ callsPerSecond: 15.5 }]);
  expect(activities([report(10, 3)], [report(10, 3)], 1)).toMatchObject([{ callsPerSecond: 0, p50Seconds: null }]);
});

test("a quantile is the bound of the bucket that it falls into, and above the last there is none", () => {
  const buckets = LATENCY_BOUNDS.map(() => 0);
  expect(quantile([99, 1, ...buckets.slice(2), 0], 0.99)).toBe(LATENCY_BOUNDS[0]);
  expect(quantile([98, 2, ...buckets.slice(2), 0], 0.99)).toBe(LATENCY_BOUNDS[1]);
  expect(quantile([...buckets, 5], 0.5)).toBeNull();
});

test("logs is the journal of the service, where there is one", () => {
  const unit = { "/usr/lib/systemd/system/devlift-pilot.service": "[Unit]\n" };
  const ask = (driver?: string, follow = false, json = false) =>
    journalArguments(machineWith(unit), { driver, follow, json });
  expect(ask("pilot")).toEqual(["--unit=devlift-pilot.service"]);
  expect(ask(undefined, true, true)).toEqual(["--unit=devlift-*.service", "--follow", "--output=json"]);
  expect(() => ask("oss")).toThrow("devlift-oss.service is no service here: a daemon that was started by hand logs to");
  expect(() => journalArguments(machineWith({}), { driver: undefined, follow: false, json: false })).toThrow(
    "no service",
  );
});
