// The daemon devlift-pilot, as a person starts it.

import { fileURLToPath } from "node:url";
import { Daemon as AnyDaemon } from "@devlift/testing/daemon";

export { DaemonError, type LogLine, MEASURED, type Memory } from "@devlift/testing/daemon";

const BUNDLE = fileURLToPath(new URL("../dist/devlift-pilot.mjs", import.meta.url));

export type Daemon = AnyDaemon;
export const Daemon = {
  /** Starts it and waits until it serves. */
  start: (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Daemon> => AnyDaemon.start(BUNDLE, args, env),
};
