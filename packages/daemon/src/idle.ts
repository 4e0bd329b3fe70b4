// "Stopped when idle if asked": a daemon that nobody uses ends by itself, as by SIGTERM.
// Lifetime: from the start of the daemon to its end.

import { type Logger, servedNow, UsageError } from "@devlift/core";

/** How often is looked. Opens between two looks are seen by what is counted. */
const LOOK_MS = 1000;
/** setTimeout() takes no more. */
const LONGEST_S = 2_000_000;

/** The option, for parseArgs(). */
export const IDLE_OPTIONS = { "idle-exit": { type: "string" } } as const;

/** @returns seconds @throws UsageError */
export function parseIdle(words: { readonly "idle-exit"?: string }): number | undefined {
  const text = words["idle-exit"];
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > LONGEST_S)
    throw new UsageError(`--idle-exit ${text}: seconds, a whole number from 1 to ${LONGEST_S}`);
  return seconds;
}

/**
 * Sends this process SIGTERM when for so long no program has had a device file open, or used one, and nothing kept it.
 * @param seconds undefined: never
 * @param isNeeded what else keeps it, e.g. that hardware is there
 * @returns what ends the watch
 */
export function exitWhenIdle(seconds: number | undefined, isNeeded: () => boolean, log: Logger): () => void {
  if (seconds === undefined) return () => undefined;
  let seen = -1;
  let busyAt = performance.now();
  const look = setInterval(() => {
    const served = servedNow();
    const opens = served.reduce((sum, { requests }) => sum + (requests?.counts().calls.open ?? 0), 0);
    if (opens !== seen || served.some((it) => it.isOpen()) || isNeeded()) {
      seen = opens;
      busyAt = performance.now();
    } else if (performance.now() - busyAt >= seconds * 1000) {
      clearInterval(look);
      log.info({}, `nobody has used it for ${seconds} s: ending`);
      process.kill(process.pid, "SIGTERM");
    }
  }, LOOK_MS);
  look.unref();
  return () => clearInterval(look);
}
