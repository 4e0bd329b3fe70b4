// Processes: which have a file open, and which are a driver's daemon. Without root only the caller's own are seen.

import { basename } from "node:path";
import type { Machine } from "./machine.ts";

export interface Process {
  readonly pid: number;
  /** As ps(1) shows it. */
  readonly name: string;
}

/** Those that have a file open, under the name by which they opened it. */
export type Openers = (path: string) => readonly Process[];

/** Looks once at what every process has open, when first asked. */
export function openersOn(machine: Machine): Openers {
  let openers: ReadonlyMap<string, ReadonlySet<number>> | undefined;
  return (path) => {
    openers ??= everyOpener(machine);
    return [...(openers.get(path) ?? [])].map((pid) => describe(machine, pid));
  };
}

function everyOpener(machine: Machine): ReadonlyMap<string, ReadonlySet<number>> {
  const openers = new Map<string, Set<number>>();
  for (const pid of pids(machine)) {
    for (const fd of machine.names(`/proc/${pid}/fd`)) {
      const path = machine.link(`/proc/${pid}/fd/${fd}`);
      // Sockets and the like are behind no path.
      if (path?.startsWith("/") !== true) continue;
      const known = openers.get(path);
      if (known === undefined) openers.set(path, new Set([pid]));
      else known.add(pid);
    }
  }
  return openers;
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
