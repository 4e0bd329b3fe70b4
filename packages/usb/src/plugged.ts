// The devices of one kind that are plugged in now: what a driver that serves one device file asks at each open. What was
// plugged in first is used. Lives as long as the daemon; a device from plug to unplug.

import { DeviceError, type ErrnoName, type Logger } from "@devlift/core";
import { UsbError, type UsbErrorCode } from "./errors.ts";
import type { UsbDevice, UsbHost, UsbHostListener, UsbWatch } from "./transport.ts";

/** What open(2), read(2) or write(2) says of each. */
const ERRNO_OF: Record<UsbErrorCode, ErrnoName> = {
  access: "EACCES",
  busy: "EBUSY",
  gone: "ENODEV",
  stall: "EPIPE",
  timeout: "ETIMEDOUT",
  descriptor: "ENODEV",
  io: "EIO",
  overflow: "EOVERFLOW",
  cancelled: "EINTR",
};

/** @returns a failure of the hardware as what its program gets; any other error as it is */
export function deviceErrorOf(error: unknown): unknown {
  return error instanceof UsbError ? new DeviceError(ERRNO_OF[error.code], error.message, { cause: error }) : error;
}

export class PluggedIn implements UsbHostListener {
  /** For logs, e.g. "printer". */
  readonly #what: string;
  readonly #fits: (device: UsbDevice) => boolean;
  readonly #log: Logger;
  readonly #present = new Set<UsbDevice>();
  #watch: UsbWatch | undefined;

  private constructor({ what, fits, log }: Wanted) {
    this.#what = what;
    this.#fits = fits;
    this.#log = log;
  }

  /** Begins to watch a host. @throws UsbError when the bus cannot be watched at all */
  static async on(host: UsbHost, wanted: Wanted): Promise<PluggedIn> {
    const plugged = new PluggedIn(wanted);
    plugged.#watch = await host.watch(plugged);
    return plugged;
  }

  /** In the order in which they came. */
  get devices(): readonly UsbDevice[] {
    return [...this.#present];
  }

  /** The one to use. @throws DeviceError("ENODEV") when none is there */
  get first(): UsbDevice {
    const [device] = this.#present;
    if (device === undefined) throw new DeviceError("ENODEV", `no ${this.#what} is plugged in`);
    return device;
  }

  attached(device: UsbDevice): void {
    if (!this.#fits(device)) return;
    this.#present.add(device);
    this.#log.info({ usb: device.id }, `${this.#what} plugged in at ${device.id}`);
  }

  detached(device: UsbDevice): void {
    if (this.#present.delete(device)) this.#log.info({ usb: device.id }, `${this.#what} unplugged from ${device.id}`);
  }

  trouble(error: UsbError): void {
    this.#log.warn({ error: error.code }, error.message);
  }

  /** Watches no more. Transports are to be closed before. */
  async close(): Promise<void> {
    await this.#watch?.close();
  }
}

export interface Wanted {
  /** For logs, e.g. "printer". */
  readonly what: string;
  /** By its descriptors, which have been validated. */
  fits(device: UsbDevice): boolean;
  readonly log: Logger;
}
