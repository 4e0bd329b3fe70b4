// What the daemon tells systemd (sd_notify(3)): that it is ready, what it does, that it ends.
// Lifetime: the daemon's. Without NOTIFY_SOCKET it says nothing.

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
  }

  stopping(status: string): void {
    this.#send(`STOPPING=1\nSTATUS=${status}`);
  }

  #send(message: string): void {
    if (this.#socket === undefined) return;
    try {
      sdNotify(this.#socket, message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn({}, `the service manager could not be told: ${why}`);
    }
  }
}
