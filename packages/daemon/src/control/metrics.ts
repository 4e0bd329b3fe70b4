// Reports as Prometheus' text (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4): each metric has its
// HELP and TYPE once, however many daemons there are.

import { LATENCY_BOUNDS } from "@devlift/core";
import { type DeviceReport, driverOf, type Report } from "./report.ts";

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
interface Sample {
  /** What follows the metric's name: "_bucket". */
  readonly suffix?: string;
  readonly labels: Labels;
  readonly value: number;
}
interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** @param own labels of this daemon */
  samples(report: Report, own: Labels): readonly Sample[];
}

const METRICS: readonly Metric[] = [
  {
    name: "devlift_info",
    type: "gauge",
    help: "A running daemon and its version; always 1.",
    samples: ({ version }, own) => [{ labels: { ...own, version }, value: 1 }],
  },
  {
    name: "devlift_start_time_seconds",
    type: "gauge",
    help: "When the daemon was started, in seconds since 1970.",
    samples: ({ since }, labels) => [{ labels, value: Date.parse(since) / 1000 }],
  },
  {
    name: "devlift_resident_memory_bytes",
    type: "gauge",
    help: "Memory of the daemon's process.",
    samples: ({ residentBytes: value }, labels) => [{ labels, value }],
  },
  {
    name: "devlift_hardware_present",
    type: "gauge",
    help: "Pieces of hardware of the driver's that are plugged in; absent for a driver that needs none.",
    samples: ({ hardware }, labels) => (hardware === null ? [] : [{ labels, value: hardware.length }]),
  },
  gauge("devlift_open_files", "Open files of a device.", ({ open }) => open),
  gauge("devlift_waiting_calls", "Calls of programs that are not answered yet.", ({ waits }) => waits),
  gauge(
    "devlift_longest_wait_seconds",
    "For how long the oldest of them has waited.",
    ({ longestWaitMs }) => longestWaitMs / 1000,
  ),
  {
    name: "devlift_calls_total",
    type: "counter",
    help: "Calls of programs that were answered.",
    samples: each((device, labels) =>
      Object.entries(device.counts?.calls ?? {}).map(([call, value]) => ({ labels: { ...labels, call }, value })),
    ),
  },
  counter("devlift_call_errors_total", "Of them, those that got an errno other than EAGAIN and EINTR.", "errors"),
  counter("devlift_read_bytes_total", "Bytes that programs have read.", "readBytes"),
  counter("devlift_written_bytes_total", "Bytes that programs have written.", "writtenBytes"),
  {
    name: "devlift_call_duration_seconds",
    type: "histogram",
    help: "From a call to its answer in the daemon; of calls answered at once one in 17 is timed, and counts for 17.",
    samples: each(({ counts }, labels) => (counts === null ? [] : histogram(counts.latency, labels))),
  },
];

/** One text for all of them. */
export function metricsText(reports: readonly Report[]): string {
  return METRICS.flatMap(({ name, type, help, samples }) => {
    const lines = reports
      .flatMap((report) => samples(report, ownLabels(report, reports)))
      .map(({ suffix = "", labels, value }) => `${name}${suffix}${labelText(labels)} ${value}`);
    return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
  })
    .map((line) => `${line}\n`)
    .join("");
}

/** The process is said only where two daemons could not be told apart: a restart is to begin no new series. */
function ownLabels({ daemon, pid }: Report, all: readonly Report[]): Labels {
  const isOnly = all.filter((other) => other.daemon === daemon).length === 1;
  return { driver: driverOf(daemon), ...(isOnly ? {} : { pid: String(pid) }) };
}

function gauge(name: string, help: string, value: (device: DeviceReport) => number): Metric {
  return { name, type: "gauge", help, samples: each((device, labels) => [{ labels, value: value(device) }]) };
}

function counter(name: string, help: string, count: "errors" | "readBytes" | "writtenBytes"): Metric {
  const samples = each(({ counts }, labels) => (counts === null ? [] : [{ labels, value: counts[count] }]));
  return { name, type: "counter", help, samples };
}

/** Samples of each device. */
function each(make: (device: DeviceReport, labels: Labels) => readonly Sample[]): Metric["samples"] {
  return ({ devices }, own) =>
    devices.flatMap((device) => make(device, { ...own, device: device.path, channel: device.channel }));
}

function histogram({ buckets, seconds }: { buckets: readonly number[]; seconds: number }, labels: Labels): Sample[] {
  let below = 0;
  const within = LATENCY_BOUNDS.map((bound, index) => {
    below += buckets[index] ?? 0;
    return { suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: below };
  });
  const all = below + (buckets[LATENCY_BOUNDS.length] ?? 0);
  return [
    ...within,
    { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: all },
    { suffix: "_sum", labels, value: seconds },
    { suffix: "_count", labels, value: all },
  ];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
