// Opening a line for a program that cannot be told that there is no hardware. Stateless.

import { type Clock, DeviceError, type Logger } from "@devlift/core";
import { Deferred, interruptible } from "./interruptible.ts";
import type { LineHost, SerialDriver, SerialLine } from "./line.ts";

/** How often hardware that is not there is asked for again. */
const RETRY_MS = 500;

export interface Patience {
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** Asks until the line opens. Says in the log why it does not, each reason once. @returns undefined after an abort */
export async function openWhenThere(
  driver: SerialDriver,
  host: LineHost,
  { clock, log, signal }: Patience,
): Promise<SerialLine | undefined> {
  for (let said: string | undefined; !signal.aborted; ) {
    try {
      return await driver.open(host, { nonBlocking: false, signal });
    } catch (error) {
      if (signal.aborted) break;
      const why = error instanceof DeviceError ? error.message : String(error);
      if (why !== said) log.info({ err: error }, `a program waits for the hardware, which cannot be opened: ${why}`);
      said = why;
    }
    const again = new Deferred();
    const cancel = clock.after(RETRY_MS, () => again.resolve());
    await interruptible(again.promise, signal).catch(() => cancel());
  }
  return undefined;
}
