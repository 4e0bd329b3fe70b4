// PADP without I/O: bytes and the time go in, bytes, messages and the time of the next tick come out. One engine is
// one end of one connection; it sends one message at a time, as the protocol does.
// Facts: pilot-link libpisock/padp.c; Palm OS SDK PadCommn.h (2 s, 10 tries).

import { concat } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { decodePadp, encodePadp, PADP_FLAG, PADP_FRAGMENT, PADP_TYPE, type PadpPacket } from "./padp.ts";
import { encodeSlp, SLP_SOCKET_DLP, SLP_TYPE, SlpDecoder, type SlpPacket } from "./slp.ts";

export interface PadpTiming {
  /** How long to wait for an acknowledge before sending again. */
  readonly ackTimeoutMs: number;
  /** How often a fragment is sent before the link is given up. */
  readonly tries: number;
}

export const PADP_TIMING: PadpTiming = { ackTimeoutMs: 2000, tries: 10 };

/** No DLP message that both ends can keep is longer. */
export const PADP_MAX_MESSAGE = 0x100000;

export interface PadpMessage {
  readonly xid: number;
  readonly data: Uint8Array;
}

interface Sending {
  readonly xid: number;
  readonly data: Uint8Array;
  offset: number;
  tries: number;
  deadline: number;
}

interface Receiving {
  readonly xid: number;
  readonly total: number;
  readonly parts: Uint8Array[];
  length: number;
}

export class PadpEngine {
  /** SLP packets to write, in order. The caller takes them out. */
  readonly outbox: Uint8Array[] = [];
  /** Whole messages, in order. The caller takes them out. */
  readonly inbox: PadpMessage[] = [];
  /** Use four-byte lengths in every header: agreed on in CMP, and needed from 64 KiB on. */
  longHeaders = false;
  /** Why the link is lost. Nothing moves any more then. */
  failure: ProtocolError | undefined;
  /** Why the last message was not taken, though the link is good. The caller clears it. */
  refused: ProtocolError | undefined;

  readonly #timing: PadpTiming;
  readonly #slp = new SlpDecoder();
  #sending: Sending | undefined;
  #receiving: Receiving | undefined;
  /** The last message that arrived whole: its packets may come again when our acknowledge was lost. */
  #received: number | undefined;

  constructor(timing: PadpTiming = PADP_TIMING) {
    this.#timing = timing;
  }

  /** A message is under way: sent, and not acknowledged to its end. */
  get sending(): boolean {
    return this.#sending !== undefined;
  }

  /** When `tick` must be called, on the clock that `now` counts; undefined if nothing waits. Milliseconds. */
  get deadline(): number | undefined {
    return this.failure ? undefined : this.#sending?.deadline;
  }

  send(data: Uint8Array, xid: number, now: number): void {
    this.#sending = { xid, data, offset: 0, tries: 0, deadline: 0 };
    this.#transmit(this.#sending, now);
  }

  /** Tells the other end that we are busy and alive. */
  tickle(xid: number): void {
    this.#write({ type: PADP_TYPE.TICKLE, flags: PADP_FLAG.FIRST | PADP_FLAG.LAST, size: 0, data: EMPTY }, xid);
  }

  /** Bytes from the line, whatever they are. */
  feed(chunk: Uint8Array, now: number): void {
    for (const packet of this.#slp.push(chunk)) {
      if (!this.failure && packet.type === SLP_TYPE.PADP) this.#packet(packet, now);
    }
  }

  tick(now: number): void {
    const sending = this.#sending;
    if (!sending || this.failure || now < sending.deadline) return;
    if (sending.tries < this.#timing.tries) this.#transmit(sending, now);
    else {
      this.failure = new ProtocolError(
        "timeout",
        `PADP: no acknowledge for transaction ${sending.xid} after ${sending.tries} tries`,
      );
      this.#sending = undefined;
    }
  }

  #packet(slp: SlpPacket, now: number): void {
    let packet: PadpPacket;
    try {
      packet = decodePadp(slp.data);
    } catch {
      return; // Not even a header, under a good CRC: whoever sent it sends again or gives up.
    }
    const { type } = packet;
    if (type === PADP_TYPE.DATA) this.#data(packet, slp.xid);
    else if (type === PADP_TYPE.ACK) this.#ack(packet, slp.xid, now);
    else if (type === PADP_TYPE.TICKLE && this.#sending) this.#sending.deadline = now + this.#timing.ackTimeoutMs;
    else if (type === PADP_TYPE.ABORT) this.failure = new ProtocolError("refused", "PADP: the other end aborted");
  }

  #ack(packet: PadpPacket, xid: number, now: number): void {
    const sending = this.#sending;
    // An acknowledge carries the size field of what it acknowledges, so one that is late does not count twice.
    if (!sending || xid !== sending.xid || packet.size !== sizeField(sending)) return;
    if (packet.flags & PADP_FLAG.MEMORY_ERROR) {
      this.refused = new ProtocolError("refused", `PADP: the other end cannot keep ${sending.data.length} bytes`);
      this.#sending = undefined;
      return;
    }
    sending.offset += fragment(sending).length;
    sending.tries = 0;
    if (sending.offset < sending.data.length) this.#transmit(sending, now);
    else this.#sending = undefined;
  }

  #data(packet: PadpPacket, xid: number): void {
    if (xid === this.#received) {
      this.#acknowledge(packet, xid);
      return;
    }
    if (packet.flags & PADP_FLAG.FIRST) {
      if (packet.size > PADP_MAX_MESSAGE) {
        this.#acknowledge(packet, xid, PADP_FLAG.MEMORY_ERROR);
        return;
      }
      // The other end goes on to its next message, so it has ours: only its acknowledge was lost.
      this.#sending = undefined;
      if (this.#receiving?.xid !== xid || this.#receiving.length === 0) {
        this.#receiving = { xid, total: packet.size, parts: [], length: 0 };
        this.#append(this.#receiving, packet);
      }
    } else {
      if (this.#receiving?.xid !== xid || packet.size > this.#receiving.length) return;
      if (packet.size === this.#receiving.length) this.#append(this.#receiving, packet);
    }
    this.#acknowledge(packet, xid);
  }

  #append(receiving: Receiving, packet: PadpPacket): void {
    // A handheld was seen to send bytes behind the end (palm-sync's recordings of a serial sync): they are no data.
    const part = packet.data.subarray(0, receiving.total - receiving.length);
    receiving.parts.push(part);
    receiving.length += part.length;
    if (receiving.length < receiving.total && !(packet.flags & PADP_FLAG.LAST)) return;
    this.inbox.push({ xid: receiving.xid, data: concat(receiving.parts) });
    this.#received = receiving.xid;
    this.#receiving = undefined;
  }

  #acknowledge(packet: PadpPacket, xid: number, extra = 0): void {
    this.#write({ type: PADP_TYPE.ACK, flags: packet.flags | extra, size: packet.size, data: EMPTY }, xid);
  }

  #transmit(sending: Sending, now: number): void {
    const data = fragment(sending);
    const first = sending.offset === 0 ? PADP_FLAG.FIRST : 0;
    const last = sending.offset + data.length === sending.data.length ? PADP_FLAG.LAST : 0;
    const long = this.longHeaders || sending.data.length > 0xffff ? PADP_FLAG.LONG : 0;
    sending.tries++;
    sending.deadline = now + this.#timing.ackTimeoutMs;
    this.#write({ type: PADP_TYPE.DATA, flags: first | last | long, size: sizeField(sending), data }, sending.xid);
  }

  #write(packet: PadpPacket, xid: number): void {
    const socket = SLP_SOCKET_DLP;
    this.outbox.push(encodeSlp({ dest: socket, src: socket, type: SLP_TYPE.PADP, xid, data: encodePadp(packet) }));
  }
}

const EMPTY = new Uint8Array();

function fragment(sending: Sending): Uint8Array {
  return sending.data.subarray(sending.offset, sending.offset + PADP_FRAGMENT);
}

function sizeField(sending: Sending): number {
  return sending.offset === 0 ? sending.data.length : sending.offset;
}
