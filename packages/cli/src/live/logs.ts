// `devlift logs`: the journal of a driver's service.

import { spawn } from "node:child_process";
import { errorCode } from "@devlift/core";
import { ControlError } from "@devlift/daemon";
import type { Machine } from "../machine.ts";

/** Where units are (systemd.unit(5)). */
const FOLDERS = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

export interface LogsChoice {
  /** Default: the services of all drivers */
  readonly driver: string | undefined;
  readonly follow: boolean;
  readonly json: boolean;
}

/** @returns arguments of journalctl @throws ControlError when there is no such service */
export function journalArguments(machine: Machine, { driver, follow, json }: LogsChoice): string[] {
  const units = FOLDERS.flatMap((folder) => machine.names(folder)).filter((name) => /^devlift-.+\.service$/.test(name));
  const unit = driver === undefined ? "devlift-*.service" : `devlift-${driver}.service`;
  if (driver === undefined ? units.length === 0 : !units.includes(unit))
    throw new ControlError(
      `${unit} is no service here: a daemon that was started by hand logs to its stderr; services come with the Debian packages`,
    );
  return [`--unit=${unit}`, ...(follow ? ["--follow"] : []), ...(json ? ["--output=json"] : [])];
}

/** Runs it on this terminal. @returns its exit status */
export async function journal(args: readonly string[]): Promise<number> {
  return await new Promise((resolve, reject) => {
    const child = spawn("journalctl", args, { stdio: "inherit" });
    child.on("error", (cause) =>
      reject(new ControlError(`journalctl cannot be run (${errorCode(cause)}): there is no journal here`, { cause })),
    );
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
