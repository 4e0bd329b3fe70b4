// Waiting for what a process says.

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** A sound server, or a program beside it, did not do what a test needs. */
export class PulseServerError extends Error {
  override readonly name = "PulseServerError";
}

/** A bound for what is stuck, not a measure of this machine. */
const STUCK_MS = 30_000;
const LAST_LINES = 20;

/** Resolves when `child` has said `text` on standard error, which is read on to its end. @throws PulseServerError with its last words */
export function waitForLine(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { stderr } = child;
    if (stderr === null) throw new PulseServerError("the process has no standard error to read");
    const said: string[] = [];
    const fail = (why: string, cause?: unknown) => {
      clearTimeout(timer);
      reject(new PulseServerError(`${child.spawnfile}: ${why}\n${said.slice(-LAST_LINES).join("\n")}`, { cause }));
    };
    const timer = setTimeout(() => fail(`did not say "${text}" in ${STUCK_MS} ms`), STUCK_MS);
    child.once("error", (cause) => fail("cannot be started", cause));
    child.once("exit", (status, signal) => fail(`ended with ${status ?? signal}`));
    createInterface({ input: stderr }).on("line", (line) => {
      said.push(line);
      if (said.length > 2 * LAST_LINES) said.splice(0, LAST_LINES);
      if (!line.includes(text)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}
