// Where the handheld is: on a USB bus, here or elsewhere, or in a serial cradle.
// Lifetime: a Source as long as the daemon; it is closed after the device file.

import { DeviceError, type Logger } from "@devlift/core";
import type { SerialDriver } from "@devlift/tty";
import { openUsbHost, type UsbAddress } from "@devlift/usb";
import { PilotDriver } from "./driver.ts";
import type { SourceOptions } from "./options.ts";
import { Refusals } from "./refusal.ts";

export interface Source {
  readonly driver: SerialDriver;
  /** For a person, e.g. "handhelds on libusb". */
  readonly what: string;
  /** @throws UsbError when the bus cannot be watched */
  /** The handhelds that are plugged in, a name each; left out where nobody can tell. */
  hardware?(): readonly string[];
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * How long programs wait for the next daemon: longer than a service manager and Node take to start it. A handheld over
 * USB/IP leaves the bus with its daemon.
 */
const RECOVER_MS = 30_000;

/** What the device file is like. */
export interface Front {
  /** Under /dev. */
  readonly name: string;
  /** An open waits for hardware, whatever the command line says. */
  readonly waits: boolean;
}

export async function openSource(options: SourceOptions, front: Front, log: Logger): Promise<Source> {
  if (options.kind === "serial") return await serialSource(options.path, front.name, log);
  return usbSource(options.address, { ...front, waits: options.wait || front.waits }, log);
}

function usbSource(address: UsbAddress, { name, waits }: Front, log: Logger): Source {
  const host = openUsbHost(address);
  const driver = new PilotDriver({
    host,
    log,
    name,
    wait: waits,
    recoverMs: address.kind === "libusb" ? RECOVER_MS : undefined,
  });
  return {
    driver,
    what: `handhelds on ${host.name}${waits ? "; an open waits for one" : ""}`,
    hardware: () => driver.handhelds,
    start: () => driver.start(),
    close: () => driver.close(),
  };
}

/** The tty layer opens the port at each first open of the device file, and gives it back at the last close. */
async function serialSource(path: string, name: string, log: Logger): Promise<Source> {
  // Loads a native addon, which nobody with USB needs.
  const { serialPortDriver } = await import("@devlift/tty/serialport");
  return {
    driver: withRefusals(serialPortDriver({ name, path, log }), log),
    what: `the handheld in the cradle on ${path}`,
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function withRefusals(driver: SerialDriver, log: Logger): SerialDriver {
  const refusals = new Refusals(log);
  return {
    name: driver.name,
    async open(host, call) {
      try {
        const line = await driver.open(host, call);
        refusals.forget();
        return line;
      } catch (error) {
        if (error instanceof DeviceError && error.code !== "EINTR") refusals.log(error, false);
        throw error;
      }
    },
  };
}
