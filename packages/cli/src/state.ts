// What is true of a driver on this machine now: `devlift list`.

import type { DriverDescription } from "@devlift/daemon";
import type { FileStatus, Machine } from "./machine.ts";
import { isLoaded } from "./modules.ts";
import { type Behind, behind } from "./node.ts";
import { type Openers, type Process, runningAs } from "./processes.ts";
import { isServed, type PluggedIn, pluggedIn } from "./usb.ts";

/** Who drives: our daemon, the kernel's module, or nobody. */
export type Driving = "devlift" | "kernel" | "none";

export interface DeviceFile {
  readonly path: string;
  readonly behind: Behind;
  /** Undefined: there is none. */
  readonly status: FileStatus | undefined;
  readonly clients: readonly Process[];
}

export interface State {
  readonly driver: DriverDescription;
  readonly driving: Driving;
  readonly daemons: readonly Process[];
  /** Of `driver.replaces`, those that are loaded. */
  readonly loaded: readonly string[];
  readonly nodes: readonly DeviceFile[];
  /** What is plugged in of its hardware; undefined: it needs none. */
  readonly hardware: readonly PluggedIn[] | undefined;
}

export function stateOf(machine: Machine, driver: DriverDescription, openers: Openers): State {
  const daemons = runningAs(machine, driver.command);
  const loaded = driver.replaces.filter((module) => isLoaded(machine, module));
  const nodes = driver.nodes.map((path) => ({
    path,
    behind: behind(machine, path),
    status: machine.status(path),
    clients: openers(path),
  }));
  const { usb } = driver;
  return {
    driver,
    driving: daemons.length > 0 ? "devlift" : loaded.length > 0 ? "kernel" : "none",
    daemons,
    loaded,
    nodes,
    hardware: usb === undefined ? undefined : pluggedIn(machine).filter((device) => isServed(device, usb)),
  };
}
