// A wait that a signal for the calling program ends.

import { DeviceError } from "@devlift/core";

/** @throws DeviceError EINTR when `signal` aborts first; what `promise` throws */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let interrupt = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = () => reject(new DeviceError("EINTR", "the program got a signal"));
    if (signal.aborted) interrupt();
    else signal.addEventListener("abort", interrupt, { once: true });
  });
  try {
    return await Promise.race([promise, interrupted]);
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}
