// What systemd says of a service, in one question.

import { CommandError, type System } from "./system.ts";

export interface Unit {
  readonly found: boolean;
  /** It cannot be started by anybody. */
  readonly masked: boolean;
  /** It is started at boot. */
  readonly enabled: boolean;
  readonly active: boolean;
}

/** Without systemd there is none. Source: org.freedesktop.systemd1(5). */
export function unitOf(system: System, service: string): Unit {
  let said: string;
  try {
    said = system.run("systemctl", ["show", "--property=LoadState,UnitFileState,ActiveState", service]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { found: false, masked: false, enabled: false, active: false };
  }
  const properties = new Map(said.split("\n").map((line) => [line.split("=", 1)[0], line.replace(/^[^=]*=/, "")]));
  return {
    found: properties.get("LoadState") !== "not-found",
    masked: properties.get("LoadState") === "masked",
    enabled: properties.get("UnitFileState") === "enabled",
    active: ["active", "activating", "reloading"].includes(properties.get("ActiveState") ?? ""),
  };
}
