// The command devlift-NAME.

import { runDriver } from "@devlift/daemon";
import manifest from "../package.json" with { type: "json" };
import { description } from "./description.ts";
import { start } from "./device.ts";

/** Runs the command and ends the process, unless there is nothing but text to print. */
export function main(args: readonly string[]): Promise<void> {
  return runDriver({ description, version: manifest.version, start }, args);
}
