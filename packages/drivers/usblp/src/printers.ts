// Each printer that is plugged in gets a device file with the lowest number that is free, for as long as it stays.
// Lifetimes: Printers as long as the daemon; what serves a printer from its plug to its unplug, or to the last close of its
// file, if that comes later: until then programs get ENODEV from a device that is still there.

import { lstatSync } from "node:fs";
import { type AnyDevice, type Channel, DeviceError, errorCode, type Logger } from "@devlift/core";
import type { UsbDevice, UsbError, UsbHost, UsbHostListener, UsbWatch } from "@devlift/usb";
import { definePrinter } from "./device.ts";
import { Printer, type PrinterOptions } from "./printer.ts";
import { MOST_PRINTERS, printerInterface, usbId } from "./protocol.ts";

export interface PrintersOptions extends PrinterOptions {
  readonly host: UsbHost;
  /** Makes a device file. */
  readonly serve: (device: AnyDevice) => Promise<Channel>;
}

export class Printers implements UsbHostListener {
  readonly #options: PrintersOptions;
  readonly #log: Logger;
  readonly #numbers = new Set<number>();
  /** What is there to be given back. */
  readonly #served = new Map<Printer, Channel | undefined>();
  /** Those that are about to have a device file. */
  readonly #coming = new Set<Promise<void>>();
  #watch: UsbWatch | undefined;
  #isClosed = false;

  constructor(options: PrintersOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Resolves when the printers that are there now have their device files. @throws UsbError when no bus can be watched */
  async start(): Promise<void> {
    this.#watch = await this.#options.host.watch(this);
    await Promise.all(this.#coming);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#watch?.close();
    await Promise.all(this.#coming);
    for (const [printer, channel] of [...this.#served]) await this.#giveBack(printer, channel);
  }

  /** Of those that are served. */
  names(): string[] {
    return [...this.#served.keys()].map(({ device }) => `printer ${usbId(device.descriptor)} at ${device.id}`);
  }

  attached(device: UsbDevice): void {
    if (printerInterface(device) === undefined) return;
    const coming = this.#take(device).finally(() => this.#coming.delete(coming));
    this.#coming.add(coming);
  }

  detached(): void {
    // A printer knows by itself.
  }

  trouble(error: UsbError): void {
    this.#log.warn({ error: error.code }, error.message);
  }

  async #take(device: UsbDevice): Promise<void> {
    const label = `printer ${usbId(device.descriptor)} at ${device.id}`;
    let printer: Printer | undefined;
    let number: number | undefined;
    try {
      printer = await Printer.take(device, this.#options);
      if (printer === undefined) {
        this.#log.warn({ usb: device.id }, `${label} lacks the endpoints of a printer: left alone`);
        return;
      }
      this.#served.set(printer, undefined);
      // Now that the kernel's driver has none for it any more.
      number = this.#takeNumber();
      const channel = await this.#options.serve(definePrinter(printer, nameOf(number)));
      this.#served.set(printer, channel);
      const how = `${printer.isRead ? "bi" : "uni"}directional, protocol ${printer.protocol}`;
      this.#log.info({ usb: device.id }, `${channel.path} is the ${label} (${how})`);
      void this.#untilGone(printer, channel, number);
    } catch (error) {
      this.#log.warn({ usb: device.id }, `${label} is not served: ${error instanceof Error ? error.message : error}`);
      if (printer !== undefined) await this.#giveBack(printer, undefined);
      if (number !== undefined) this.#numbers.delete(number);
    }
  }

  async #untilGone(printer: Printer, channel: Channel, number: number): Promise<void> {
    await printer.gone();
    if (this.#isClosed) return;
    await this.#giveBack(printer, channel);
    this.#numbers.delete(number);
    this.#log.info({ usb: printer.device.id }, `${channel.path} is gone, with its printer`);
  }

  async #giveBack(printer: Printer, channel: Channel | undefined): Promise<void> {
    this.#served.delete(printer);
    await channel?.close();
    await printer.close();
  }

  /** @throws DeviceError("ENOSPC") when there are enough */
  #takeNumber(): number {
    for (let number = 0; number < MOST_PRINTERS; number++) {
      // The kernel's driver may have printers, too.
      if (this.#numbers.has(number) || isThere(`/dev/${nameOf(number)}`)) continue;
      this.#numbers.add(number);
      return number;
    }
    throw new DeviceError("ENOSPC", `it is one too many, ${MOST_PRINTERS} are served`);
  }
}

function nameOf(number: number): string {
  return `usb/lp${number}`;
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}
