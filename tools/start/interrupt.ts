// Ctrl-C and its like, and a reader of our output who leaves. Lifetime: from watchSignals() to the end of the process.

import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Reason = (typeof SIGNALS)[number] | "SIGPIPE";
/** npm and what it starts pass a signal on, so that one Ctrl-C arrives more than once; milliseconds. */
const SAME_MS = 1000;

/** Somebody wants this to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly status: number;

  constructor(signal: Reason) {
    super(`${signal} came`);
    this.status = 128 + constants.signals[signal];
  }
}

export interface Interruption {
  /** Rejects with Interrupted at the first of them. */
  readonly came: Promise<never>;
  /** Aborts at the same time. */
  readonly signal: AbortSignal;
}

/** @param onAgain called when the person has lost patience */
export function watchSignals(onAgain: () => void): Interruption {
  const controller = new AbortController();
  const came = new Promise<never>((_, reject) => {
    const end = (reason: Reason): void => {
      controller.abort();
      reject(new Interrupted(reason));
    };
    let first: number | undefined;
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (first !== undefined && performance.now() - first > SAME_MS) onAgain();
        first ??= performance.now();
        end(signal);
      });
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => end("SIGPIPE"));
  });
  came.catch(() => undefined);
  return { came, signal: controller.signal };
}
