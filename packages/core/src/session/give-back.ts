// The release of a file that no RELEASE of the kernel asks for: at shutdown, and after an open that came too late.

import type { Logger } from "../log.ts";
import type { Clock } from "./clock.ts";
import type { AnyDriver } from "./driver.ts";
import type { File } from "./file.ts";

export interface GivingBack {
  readonly driver: AnyDriver;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds that release() may take; nobody waits for it after that. */
  readonly graceMs: number;
}

const NO_REQUEST = { id: 0, reissued: false };

/** Runs release() with a signal that has aborted. Never rejects. */
export async function giveBack(file: File, { driver, clock, log, graceMs }: GivingBack): Promise<void> {
  const signal = AbortSignal.abort();
  const call = {
    file,
    state: file.state,
    caller: { pid: 0, uid: 0, gid: 0 },
    nonBlocking: true,
    waitedMs: 0,
    signal,
    ...NO_REQUEST,
  };
  let callOff: () => void = () => undefined;
  const overdue = new Promise<void>((resolve) => {
    callOff = clock.after(graceMs, () => {
      log.warn({ graceMs }, "release went on after its signal had aborted; nobody waits for it");
      resolve();
    });
  });
  const released = (async () => driver.release?.(call))().catch((error: unknown) => {
    log.warn({ err: error }, "release failed");
  });
  await Promise.race([released, overdue]);
  callOff();
}
