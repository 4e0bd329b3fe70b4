// A virtual Palm in its cradle, exported over USB/IP on loopback. Whenever a program opens the port, its HotSync button
// is pressed: once for each time that the port is opened.
// Lifetime: a VirtualPalm from plugIn() to close().

import { MODELS, PalmUsbDevice, ProtocolError, UsbipServer, VENDOR_REQUEST } from "@devlift/testing";
import type { SetupPacket, STALL } from "@devlift/usb";
import type { VirtualOptions } from "./options.ts";

const BUSID = "1-1";

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

  /** The handheld begins when the host reads the port, and must not begin twice while a program has it open. */
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
      await portClosed;
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
