// One import of a virtual device: CMD_* in, RET_* out, over one connection.
// Lifetime: from OP_REP_IMPORT until either side closes the socket, which unplugs the device from that client.

import { once } from "node:events";
import type { Socket } from "node:net";
import {
  type StreamParser,
  type SubmittedUrb,
  type Urb,
  type UrbResult,
  type UsbErrorCode,
  usbipProtocol as usbip,
} from "@devlift/usb";
import { VirtualQueue, type VirtualUsbDevice } from "@devlift/usb/virtual";

/** The kernel splits at 16 KiB for usb-storage and at 1 MiB for usbfs; nobody sends more in one transfer. */
const MAX_LENGTH = 1 << 20;
/** A client that queues more than that is not one. */
const MAX_IN_FLIGHT = 4096;
const NOTHING = Buffer.alloc(0);

export class UsbipSession {
  readonly #socket: Socket;
  readonly #queue: VirtualQueue;
  readonly #inFlight = new Map<number, SubmittedUrb>();
  /** A transfer's seqnum to that of the unlink which cancels it. */
  readonly #unlinks = new Map<number, number>();

  constructor(socket: Socket, device: VirtualUsbDevice) {
    this.#socket = socket;
    this.#queue = new VirtualQueue(device);
    socket.once("close", () => this.#queue.unplug());
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }

  *parse(): StreamParser<never> {
    for (;;) {
      const command = usbip.decodeCommand(yield usbip.HEADER_LENGTH);
      if (command.command === usbip.USBIP_CMD_UNLINK) this.#unlink(command);
      else {
        // The header is read at once: what is yielded next invalidates it.
        const { direction, length } = command;
        const setup = Uint8Array.from(command.setup);
        if (length > MAX_LENGTH) throw usbip.violation(`a transfer of ${length} bytes`);
        const data = direction === usbip.USBIP_DIR_OUT && length > 0 ? yield length : NOTHING;
        this.#submit({ ...command, setup }, data);
      }
    }
  }

  #submit(command: usbip.CmdSubmit, data: Buffer): void {
    const { seqnum } = command;
    if (this.#inFlight.has(seqnum)) throw usbip.violation(`request ${seqnum} is in flight already`);
    if (this.#inFlight.size >= MAX_IN_FLIGHT) throw usbip.violation(`more than ${MAX_IN_FLIGHT} requests in flight`);
    this.#inFlight.set(
      seqnum,
      this.#queue.submit(urbOf(command, data), (result) => this.#done(command, result)),
    );
  }

  #done({ seqnum, direction }: usbip.CmdSubmit, { error, bytes, actual }: UrbResult): void {
    this.#inFlight.delete(seqnum);
    const unlinkSeqnum = this.#unlinks.get(seqnum);
    this.#unlinks.delete(seqnum);
    if (this.#socket.destroyed) return;
    if (error?.code === "cancelled" && unlinkSeqnum !== undefined) {
      this.#socket.write(usbip.encodeRetUnlink({ seqnum: unlinkSeqnum, status: usbip.URB_STATUS.ECONNRESET }));
      return;
    }
    const status = error === undefined ? usbip.URB_STATUS.OK : statusOf(error.code);
    const header = usbip.encodeRetSubmit({ seqnum, status, actualLength: actual });
    const withData = direction === usbip.USBIP_DIR_IN && bytes.length > 0;
    this.#socket.write(withData ? Buffer.concat([header, bytes]) : header);
    // The unlink came too late: the reply above is the answer, and this says so.
    if (unlinkSeqnum !== undefined)
      this.#socket.write(usbip.encodeRetUnlink({ seqnum: unlinkSeqnum, status: usbip.URB_STATUS.OK }));
  }

  #unlink({ seqnum, unlinkSeqnum }: usbip.CmdUnlink): void {
    const submitted = this.#inFlight.get(unlinkSeqnum);
    if (submitted === undefined) {
      this.#socket.write(usbip.encodeRetUnlink({ seqnum, status: usbip.URB_STATUS.OK }));
      return;
    }
    this.#unlinks.set(unlinkSeqnum, seqnum);
    submitted.cancel();
  }
}

function urbOf(command: usbip.CmdSubmit, data: Buffer): Urb {
  const { length, interval } = command;
  if (command.endpoint === 0) {
    // The setup packet says which way the data goes; without data the wire says OUT for either.
    const direction = command.direction === usbip.USBIP_DIR_IN ? "in" : "out";
    return { endpoint: 0, type: "control", direction, setup: command.setup, data, length, interval };
  }
  const direction = command.direction === usbip.USBIP_DIR_IN ? "in" : "out";
  const endpoint = direction === "in" ? command.endpoint | 0x80 : command.endpoint;
  return { endpoint, type: interval > 0 ? "interrupt" : "bulk", direction, data, length, interval };
}

function statusOf(code: UsbErrorCode): number {
  switch (code) {
    case "stall":
      return usbip.URB_STATUS.EPIPE;
    case "overflow":
      return usbip.URB_STATUS.EOVERFLOW;
    case "cancelled":
      return usbip.URB_STATUS.ECONNRESET;
    case "gone":
      return usbip.URB_STATUS.ESHUTDOWN;
    default:
      return usbip.URB_STATUS.EPROTO;
  }
}
