// Processes: which have a file open, and which are a driver's daemon. Without root only the caller's own are seen.

import { basename } from "node:path";
import type { Machine } from "./machine.ts";

export interface Process {
  readonly pid: number;
  /** As ps(1) shows it. */
  readonly name: string;
}

/** Those that have the file open, under the name by which they opened it. */
export function openersOf(machine: Machine, path: string): readonly Process[] {
  return pids(machine)
    .filter((pid) => machine.names(`/proc/${pid}/fd`).some((fd) => machine.link(`/proc/${pid}/fd/${fd}`) === path))
    .map((pid) => describe(machine, pid));
}

/** Those that were started as this command: by its own name, or as a script of node's. */
export function runningAs(machine: Machine, command: string): readonly Process[] {
  return pids(machine)
    .filter((pid) => {
      const [program = "", script = ""] = machine.text(`/proc/${pid}/cmdline`)?.split("\0") ?? [];
      return isNamed(program, command) || (basename(program) === "node" && isNamed(script, command));
    })
    .map((pid) => describe(machine, pid));
}

function isNamed(path: string, command: string): boolean {
  const name = basename(path);
  return name === command || name === `${command}.mjs`;
}

function pids(machine: Machine): readonly number[] {
  return machine
    .names("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function describe(machine: Machine, pid: number): Process {
  return { pid, name: machine.text(`/proc/${pid}/comm`)?.trim() ?? "?" };
}
