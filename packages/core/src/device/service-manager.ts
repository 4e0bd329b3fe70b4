// What the daemon tells systemd (sd_notify(3)): that it is ready, what it does, that it still runs, that it ends.
// Lifetime: the daemon's. Without NOTIFY_SOCKET it says nothing.
//
// Where the unit has WatchdogSec=, it says twice in that time that its event loop turns (sd_watchdog_enabled(3)): a daemon
// that hangs is killed and started anew.

import { fdStore } from "../channel/fd-store.ts";
import type { Logger } from "../log.ts";
import { sdNotify } from "../native.ts";

export class ServiceManager {
  readonly #socket: string | undefined;
  readonly #log: Logger;

  constructor(log: Logger, socket = process.env["NOTIFY_SOCKET"]) {
    this.#log = log;
    this.#socket = socket === undefined || socket === "" ? undefined : socket;
  }

  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`);
    // A device of an earlier daemon that this one does not serve would keep its programs waiting for ever.
    this.#tell(() => fdStore()?.forgetRest());
    const period = watchdogMs(process.env);
    if (period !== undefined) setInterval(() => this.#send("WATCHDOG=1"), period / 2).unref();
  }

  stopping(status: string): void {
    this.#send(`STOPPING=1\nSTATUS=${status}`);
  }

  #send(message: string): void {
    const socket = this.#socket;
    if (socket !== undefined) this.#tell(() => sdNotify(socket, message));
  }

  #tell(something: () => void): void {
    try {
      something();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn({}, `the service manager could not be told: ${why}`);
    }
  }
}

/** @returns milliseconds; undefined: nobody watches, or another process than this */
function watchdogMs({ WATCHDOG_USEC: period = "", WATCHDOG_PID: pid }: NodeJS.ProcessEnv): number | undefined {
  if (!/^[1-9]\d*$/.test(period) || (pid !== undefined && pid !== String(process.pid))) return undefined;
  return Number(period) / 1000;
}
