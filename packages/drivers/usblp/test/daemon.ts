// The daemon devlift-usblp, as a person starts it.

import { fileURLToPath } from "node:url";
import { Daemon as AnyDaemon } from "@devlift/testing/daemon";

const BUNDLE = fileURLToPath(new URL("../dist/devlift-usblp.mjs", import.meta.url));

export type Daemon = AnyDaemon;
export const Daemon = {
  /** Starts it and waits until it serves the printers that are there. */
  start: (args: readonly string[]): Promise<Daemon> => AnyDaemon.start(BUNDLE, args),
};
