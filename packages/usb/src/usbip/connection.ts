// A USB/IP connection after the import: one remote device as a UrbQueue.
// Lifetime: from a successful import until either side closes the socket, which is the unplug.
//
// The server is hostile until proven otherwise: a reply to nothing, a length beyond what was asked for, an unknown
// command or silence after an unlink end the connection with `failure` set; never more.

import type { Socket } from "node:net";
import { UsbError } from "../errors.ts";
import {
  cancelledError,
  failed,
  goneError,
  type SubmittedUrb,
  succeeded,
  type Urb,
  type UrbDone,
  type UrbQueue,
  type UrbResult,
} from "../urb.ts";
import {
  type DeviceRecord,
  decodeReply,
  encodeCmdSubmit,
  encodeCmdUnlink,
  HEADER_LENGTH,
  type RetSubmit,
  type RetUnlink,
  URB_STATUS,
  USB_SPEED,
  USBIP_DIR_IN,
  USBIP_DIR_OUT,
  USBIP_RET_UNLINK,
  USBIP_URB_DIR_IN,
  violation,
} from "./protocol.ts";
import type { StreamParser } from "./stream.ts";

/** A server answers an unlink at once; the kernel's stub waits for the host controller, milliseconds. */
const UNLINK_TIMEOUT_MS = 5000;
/** Unlinked transfers whose own reply may still be under way. */
const MAX_LATE = 256;
const NO_SETUP = new Uint8Array(8);
const NOTHING = Buffer.alloc(0);

interface InFlight {
  readonly urb: Urb;
  readonly done: UrbDone;
  unlinking: NodeJS.Timeout | undefined;
}

export class UsbipConnection implements UrbQueue {
  readonly record: DeviceRecord;
  /** Resolves when the connection is over, with what the server did wrong, if anything. */
  readonly closed: Promise<UsbError | undefined>;
  readonly #socket: Socket;
  readonly #gone = new AbortController();
  readonly #inFlight = new Map<number, InFlight>();
  /** CMD_UNLINK's seqnum to that of the transfer. */
  readonly #unlinks = new Map<number, number>();
  readonly #late = new Map<number, Urb>();
  #seqnum = 0;
  #failure: UsbError | undefined;

  /** @param socket connected and imported; its "data" must go to a StreamReader of parse() */
  constructor(socket: Socket, record: DeviceRecord) {
    this.#socket = socket;
    this.record = record;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#ended();
        resolve(this.#failure);
      });
    });
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  submit(urb: Urb, done: UrbDone): SubmittedUrb {
    if (this.gone.aborted) {
      queueMicrotask(() => done(failed(goneError(this.gone))));
      return { cancel: () => {} };
    }
    const seqnum = this.#nextSeqnum();
    this.#inFlight.set(seqnum, { urb, done, unlinking: undefined });
    const direction = wireDirection(urb);
    const header = encodeCmdSubmit({
      seqnum,
      devid: this.#devid,
      direction,
      endpoint: urb.endpoint & 0x0f,
      flags: direction === USBIP_DIR_IN ? USBIP_URB_DIR_IN : 0,
      length: urb.length,
      interval: pollInterval(urb, this.record.speed),
      setup: urb.setup ?? NO_SETUP,
    });
    this.#socket.write(urb.data.length === 0 ? header : Buffer.concat([header, urb.data]));
    return { cancel: () => this.#unlink(seqnum) };
  }

  /** Hangs up; everything in flight ends with "gone". Resolves when the socket is closed. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  /** Ends the connection for what the server did. */
  fail(failure: UsbError): void {
    this.#failure ??= failure;
    this.#socket.destroy();
  }

  /** The replies, for ever. @throws UsbError("io") for what breaks the protocol */
  *parse(): StreamParser<never> {
    for (;;) {
      const reply = decodeReply(yield HEADER_LENGTH);
      if (reply.command === USBIP_RET_UNLINK) this.#unlinked(reply);
      else {
        const length = this.#payloadLength(reply);
        this.#submitted(reply, length > 0 ? yield length : NOTHING);
      }
    }
  }

  get #devid(): number {
    return ((this.record.busnum << 16) | (this.record.devnum & 0xffff)) >>> 0;
  }

  #nextSeqnum(): number {
    // 32 bits, never 0. A number comes round after four thousand million transfers.
    this.#seqnum = (this.#seqnum % 0xffffffff) + 1;
    return this.#seqnum;
  }

  #payloadLength(reply: RetSubmit): number {
    const urb = this.#inFlight.get(reply.seqnum)?.urb ?? this.#late.get(reply.seqnum);
    if (urb === undefined) throw violation(`a reply to request ${reply.seqnum}, which is not in flight`);
    if (reply.actualLength > urb.length)
      throw violation(`${reply.actualLength} bytes for a transfer of ${urb.length} bytes`);
    return urb.direction === "in" ? reply.actualLength : 0;
  }

  #submitted(reply: RetSubmit, payload: Buffer): void {
    // Unlinked, and the replies crossed: the kernel's stub may send RET_UNLINK before the transfer's own reply.
    if (this.#late.delete(reply.seqnum)) return;
    const code = errorOf(reply.status);
    const result =
      code === undefined ? succeeded(payload, reply.actualLength) : failed(code, payload, reply.actualLength);
    this.#finish(reply.seqnum, result);
    if (code?.code === "gone") this.#socket.destroy();
  }

  #unlink(seqnum: number): void {
    const inFlight = this.#inFlight.get(seqnum);
    if (inFlight === undefined || inFlight.unlinking !== undefined || this.gone.aborted) return;
    const unlinkSeqnum = this.#nextSeqnum();
    this.#unlinks.set(unlinkSeqnum, seqnum);
    this.#socket.write(encodeCmdUnlink({ seqnum: unlinkSeqnum, devid: this.#devid, unlinkSeqnum: seqnum }));
    const silent = violation(`no answer to CMD_UNLINK within ${UNLINK_TIMEOUT_MS} ms`);
    inFlight.unlinking = setTimeout(() => this.fail(silent), UNLINK_TIMEOUT_MS);
  }

  #unlinked(reply: RetUnlink): void {
    const seqnum = this.#unlinks.get(reply.seqnum);
    if (seqnum === undefined) throw violation(`a reply to unlink ${reply.seqnum}, which is not in flight`);
    this.#unlinks.delete(reply.seqnum);
    const inFlight = this.#inFlight.get(seqnum);
    if (inFlight === undefined) return;
    // -ECONNRESET: unlinked, no reply of its own follows. Anything else: it may have ended just before.
    if (reply.status !== URB_STATUS.ECONNRESET) this.#rememberLate(seqnum, inFlight.urb);
    this.#finish(seqnum, failed(cancelledError()));
  }

  #rememberLate(seqnum: number, urb: Urb): void {
    this.#late.set(seqnum, urb);
    const [oldest] = this.#late.keys();
    if (this.#late.size > MAX_LATE && oldest !== undefined) this.#late.delete(oldest);
  }

  #finish(seqnum: number, result: UrbResult): void {
    const inFlight = this.#inFlight.get(seqnum);
    if (inFlight === undefined) return;
    clearTimeout(inFlight.unlinking);
    this.#inFlight.delete(seqnum);
    inFlight.done(result);
  }

  #ended(): void {
    const error = new UsbError("gone", "the USB/IP server closed the connection: the device was unplugged", {
      cause: this.#failure,
    });
    this.#gone.abort(error);
    for (const seqnum of [...this.#inFlight.keys()]) this.#finish(seqnum, failed(error));
  }
}

/** The kernel takes a control transfer without a data stage for an OUT one, whatever its request says (usb_submit_urb). */
function wireDirection(urb: Urb): typeof USBIP_DIR_IN | typeof USBIP_DIR_OUT {
  const noData = urb.endpoint === 0 && urb.length === 0;
  return urb.direction === "in" && !noData ? USBIP_DIR_IN : USBIP_DIR_OUT;
}

/** bInterval in the unit of a struct urb (usb_fill_int_urb): frames, or for high speed 2^(bInterval-1) microframes. */
function pollInterval(urb: Urb, speed: number): number {
  if (urb.type !== "interrupt") return 0;
  if (speed <= USB_SPEED.FULL) return Math.max(1, urb.interval);
  return 1 << (Math.min(16, Math.max(1, urb.interval)) - 1);
}

function errorOf(status: number): UsbError | undefined {
  switch (status) {
    case URB_STATUS.OK:
      return undefined;
    case URB_STATUS.EPIPE:
      return new UsbError("stall", "the device answered with STALL");
    case URB_STATUS.EOVERFLOW:
      return new UsbError("overflow", "the device sent more than was asked for");
    case URB_STATUS.ECONNRESET:
    case URB_STATUS.ENOENT:
      return cancelledError();
    case URB_STATUS.ENODEV:
    case URB_STATUS.ESHUTDOWN:
      return new UsbError("gone", "the USB/IP server says that the device is gone");
    default:
      return new UsbError("io", `the transfer failed on the USB/IP server's side with errno ${-status}`);
  }
}
