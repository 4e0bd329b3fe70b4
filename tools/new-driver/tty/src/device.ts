// /dev/NAME: a serial port. What a tty is to programs (termios, VMIN and VTIME, drain, hang-up) is @devlift/tty's; what
// is here is the wire: a loopback, which has the bytes that were sent come in again.
// Lifetime: a Loopback from the port's first open to its last close.

import type { DaemonParts, Started } from "@devlift/daemon";
import { defineSerialPort, type LineHost, type SerialDriver, type SerialLine } from "@devlift/tty";

class Loopback implements SerialLine {
  readonly #host: LineHost;
  #throttled = false;

  constructor(host: LineHost) {
    this.#host = host;
  }

  write(bytes: Uint8Array): number {
    if (this.#throttled) return 0;
    this.#host.received(bytes);
    return bytes.length;
  }

  /** Nobody reads: then nothing is sent, either. */
  throttle(on: boolean): void {
    this.#throttled = on;
    if (!on) this.#host.writable();
  }

  // Whatever is taken is on the wire at once.
  pendingOutput(): number {
    return 0;
  }

  async drain(): Promise<void> {}

  discardOutput(): void {}

  async close(): Promise<void> {}
}

export const driver: SerialDriver = {
  name: "NAME",
  open: (host) => new Loopback(host),
};

export function start({ log }: DaemonParts): Started {
  return { devices: [defineSerialPort(driver, { log })] };
}
