// The HotSync port of one handheld as the tty layer's SerialLine: input flows from the first moment, output goes
// through a queue, unplug is a hang-up.
// Lifetime: from a probed transport to close(), by the last close(2) or by its own hang-up, whichever comes first.

import { DeviceError, type Logger } from "@devlift/core";
import { type LineHost, PortMemory, type SerialLine } from "@devlift/tty";
import { UsbError, type UsbReading, type UsbTransport } from "@devlift/usb";
import type { PilotPort } from "./endpoints.ts";
import { OutputQueue } from "./output.ts";
import { CLOSE_NOTIFICATION } from "./protocol.ts";

/**
 * IN transfers in flight. Each is one packet, because a Palm ends a message whose size is a multiple of the packet
 * without the empty packet that would complete a longer transfer: the bytes would sit in it until the next message.
 * visor.c does the same by leaving bulk_in_size unset (usb-serial.c then takes wMaxPacketSize). Sixteen are 1024 bytes
 * at full speed, a whole PADP fragment, so that the bus does not wait for this process.
 */
const TRANSFERS = 16;

export interface LineParts {
  /** Claimed and probed. The line closes it. */
  readonly transport: UsbTransport;
  readonly port: PilotPort;
  readonly host: LineHost;
  readonly log: Logger;
  /** Default: memory that ends with the daemon. */
  readonly memory?: PortMemory | undefined;
}

export class PilotLine implements SerialLine {
  readonly #parts: LineParts;
  readonly #output: OutputQueue;
  readonly #reading: UsbReading;
  readonly #interrupts: UsbReading | undefined;
  readonly #stop = new AbortController();
  readonly #onGone = () => this.#hangup("the handheld was unplugged");
  #received = 0;
  #closing: Promise<void> | undefined;

  /** Starts reading at once: some handhelds stall when nobody does. @throws UsbError("gone") */
  constructor(parts: LineParts) {
    this.#parts = parts;
    const { transport, port, host, memory = new PortMemory() } = parts;
    const send = (bytes: Uint8Array) => transport.write(port.out.address, bytes, { signal: this.#stop.signal });
    const events = { writable: () => host.writable(), failed: (error: unknown) => this.#broken("output", error) };
    this.#output = new OutputQueue(send, events, memory);
    this.#reading = transport.startReading(
      port.in.address,
      { transferSize: port.in.maxPacketSize, transfers: TRANSFERS },
      {
        data: (bytes) => {
          this.#received += bytes.length;
          if (this.#closing === undefined) host.received(bytes);
        },
        ended: (error) => this.#broken("input", error),
      },
    );
    this.#interrupts = this.#readInterrupts();
    transport.gone.addEventListener("abort", this.#onGone);
  }

  /** Of a line that an earlier daemon had. @returns how many bytes may or may not have reached the handheld */
  goOn(): number {
    return this.#output.goOn(this.#parts.transport.goesOn !== undefined);
  }

  write(bytes: Uint8Array): number {
    return this.#output.write(bytes);
  }

  pendingOutput(): number {
    return this.#output.pending;
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#output.drain(signal);
  }

  discardOutput(): void {
    this.#output.discard();
  }

  throttle(on: boolean): void {
    if (on) this.#reading.pause();
    else this.#reading.resume();
  }

  async leave(): Promise<void> {
    const { transport } = this.#parts;
    if (transport.outlives) {
      // The next daemon finds everything as it is.
      this.#output.hold();
      transport.leave();
      return;
    }
    await Promise.all([this.#reading.stop(), this.#interrupts?.stop(), this.#output.rest()]);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** visor.c reads the interrupt endpoint of Treos too and looks at nothing that comes (visor_read_int_callback). */
  #readInterrupts(): UsbReading | undefined {
    const { transport, port, log } = this.#parts;
    const { interruptIn } = port;
    if (interruptIn === undefined) return undefined;
    return transport.startReading(
      interruptIn.address,
      { transferSize: interruptIn.maxPacketSize, transfers: 1 },
      {
        data: (bytes) => log.debug({ bytes: bytes.length }, "interrupt report of the handheld, not used"),
        ended: (error) => log.debug({ error: error.code }, "the handheld's interrupt endpoint ended"),
      },
    );
  }

  #broken(what: "input" | "output", error: unknown): void {
    if (!(error instanceof UsbError && (error.code === "gone" || error.code === "cancelled"))) {
      const why = error instanceof Error ? error.message : String(error);
      this.#parts.log.warn({}, `the handheld's ${what} failed: ${why}. Unplug it and press HotSync again`);
    }
    this.#hangup(`the handheld's ${what} ended`);
  }

  #hangup(why: string): void {
    if (this.#closing !== undefined) return;
    this.#output.fail(new DeviceError("EIO", why));
    // First closing, then the word to the port: a new open that it causes waits for this close.
    void this.close();
    this.#parts.host.hangup();
  }

  async #close(): Promise<void> {
    const { transport, log } = this.#parts;
    transport.gone.removeEventListener("abort", this.#onGone);
    this.#output.fail(new DeviceError("EIO", "the port is closed"));
    this.#stop.abort();
    try {
      await Promise.all([this.#reading.stop(), this.#interrupts?.stop()]);
      await this.#sayGoodbye();
      await transport.close();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn({}, `the handheld could not be given back: ${why}`);
    }
    log.info({ received: this.#received, sent: this.#output.sent }, "port closed");
  }

  /** visor_close() of visor.c: a handheld that is still there is told that the host has gone. */
  async #sayGoodbye(): Promise<void> {
    const { transport, log } = this.#parts;
    if (transport.gone.aborted) return;
    const { setup, length, timeoutMs } = CLOSE_NOTIFICATION;
    try {
      await transport.controlIn(setup, length, { timeoutMs });
    } catch (error) {
      if (!(error instanceof UsbError)) throw error;
      log.debug({ error: error.code }, `the close notification failed, which does no harm: ${error.message}`);
    }
  }
}
