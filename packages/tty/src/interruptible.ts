// Waits that a signal can end.

import { DeviceError } from "@devlift/core";

/** A promise and its key. */
export class Deferred {
  readonly promise: Promise<void>;
  #resolve: () => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  resolve(): void {
    this.#resolve();
  }
}

/** @throws DeviceError("EINTR") as soon as `signal` aborts; else what `promise` gives or throws */
export async function interruptible<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // Nobody waits for it any more: its failure is no news.
    promise.catch(() => undefined);
    throw interrupted(signal);
  }
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(interrupted(signal));
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function interrupted(signal: AbortSignal): DeviceError {
  return new DeviceError("EINTR", "interrupted", { cause: signal.reason });
}
