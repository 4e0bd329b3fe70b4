// A virtual Palm in its cradle, exported over USB/IP on loopback. Whenever a program opens the port, its HotSync button
// is pressed.
// Lifetime: a VirtualPalm from plugIn() to close().

import { setTimeout as sleep } from "node:timers/promises";
import { MODELS, PalmUsbDevice, ProtocolError, UsbipServer, VENDOR_REQUEST } from "@devlift/testing";
import type { SetupPacket, STALL } from "@devlift/usb/virtual";
import type { VirtualOptions } from "./options.ts";

const BUSID = "1-1";
/**
 * How long after a HotSync the button is pressed again though the port was not closed, in milliseconds: a pty does not
 * tell the daemon of a close when the next program opens it at once.
 */
const PATIENCE = 3000;

export class VirtualPalm {
  /** For devlift-pilot's --usb. */
  readonly usb: string;
  /** E.g. "virtual Palm (Palm OS 5, 0830:0060) over USB/IP on loopback". */
  readonly what: string;
  readonly #server: UsbipServer;

  private constructor(server: UsbipServer, device: CradledPalm) {
    const { vendorId, productId, profile } = device.model;
    const ids = [vendorId, productId].map((id) => id.toString(16).padStart(4, "0")).join(":");
    this.what = `virtual Palm (Palm OS ${profile.sysInfo.romVersion >> 24}, ${ids}) over USB/IP on loopback`;
    this.usb = server.url(BUSID);
    this.#server = server;
  }

  static async plugIn({ model, protocol }: VirtualOptions): Promise<VirtualPalm> {
    const device = new CradledPalm(MODELS[model], protocol === undefined ? {} : { family: protocol });
    const server = await UsbipServer.listen();
    server.plug(BUSID, device);
    void device.syncAgainAndAgain();
    return new VirtualPalm(server, device);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }
}

class CradledPalm extends PalmUsbDevice {
  #onPortClosed: () => void = () => undefined;
  #isPlugged = true;

  /** The handheld begins when the host reads the port: the next time, and not in what is left of this one. */
  async syncAgainAndAgain(): Promise<void> {
    while (this.#isPlugged) {
      const portClosed = new Promise<void>((resolve) => {
        this.#onPortClosed = resolve;
      });
      try {
        await this.pressHotSync();
      } catch (error) {
        // A program may open the port for something else, or leave early.
        if (!(error instanceof ProtocolError)) throw error;
      }
      await Promise.race([portClosed, sleep(PATIENCE)]);
    }
  }

  override control(setup: SetupPacket): Uint8Array | typeof STALL {
    const answer = super.control(setup);
    if (setup.request === VENDOR_REQUEST.CLOSE_NOTIFICATION) this.#onPortClosed();
    return answer;
  }

  override unplugged(): void {
    this.#isPlugged = false;
    super.unplugged();
    this.#onPortClosed();
  }
}
