// The command devlift-pilot.

import { runCommand } from "@devlift/daemon";
import manifest from "../package.json" with { type: "json" };
import { runDaemon } from "./daemon.ts";
import { HELP, parseCommandLine } from "./options.ts";

/** Runs the command and ends the process, unless there is nothing but text to print. */
export function main(args: readonly string[]): Promise<void> {
  const { version } = manifest;
  return runCommand({ name: "devlift-pilot", version, help: HELP, parse: parseCommandLine, run: runDaemon }, args);
}
