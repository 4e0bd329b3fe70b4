// What `devlift doctor` finds.

import type { DriverDescription } from "@devlift/daemon";
import type { Machine } from "../machine.ts";
import type { Openers } from "../processes.ts";
import type { State } from "../state.ts";

export interface Finding {
  /** Stable, for scripts: "node-no-permission". */
  readonly code: string;
  /** A problem keeps the driver from working for who asks; a note is worth knowing. */
  readonly severity: "problem" | "note";
  /** Undefined: of the machine. */
  readonly driver?: string;
  readonly text: string;
  /** The command that mends it; undefined: there is none. */
  readonly mend?: string;
}

/** What a check of a driver looks at. */
export interface Patient {
  readonly machine: Machine;
  readonly driver: DriverDescription;
  readonly state: State;
  readonly openers: Openers;
}

/** A finding of a driver. */
export function of({ driver }: Patient, code: string, rest: Pick<Finding, "severity" | "text" | "mend">): Finding {
  return { code, driver: driver.name, ...rest };
}
