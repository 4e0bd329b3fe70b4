// SLP, the Serial Link Protocol: packets with a signature, a header checksum and a CRC over a byte stream that may
// lose or change bytes. An SlpDecoder lives as long as the stream and holds what has not become a packet yet.
// Facts: Palm OS Programmer's Companion II ch. 5; pilot-link libpisock/slp.c, include/pi-slp.h.

import { concat } from "./bytes.ts";

/** A packet's type (pi-slp.h PI_SLP_TYPE_*). */
export const SLP_TYPE = { RDCP: 0, PADP: 2, LOOPBACK: 3 } as const;

/** The socket of the desktop link at both ends (PI_SLP_SOCK_DLP). */
export const SLP_SOCKET_DLP = 3;

const SIGNATURE = [0xbe, 0xef, 0xed] as const;
const HEADER_LENGTH = 10;
const CRC_LENGTH = 2;
/** A PADP fragment with the long header. Nothing longer is spoken here, so a longer length is line noise. */
export const SLP_MAX_DATA = 1024 + 6;

export interface SlpPacket {
  readonly dest: number;
  readonly src: number;
  readonly type: number;
  /** The transaction that it belongs to, 0..255. */
  readonly xid: number;
  readonly data: Uint8Array;
}

/** CRC-16 with polynomial 0x1021, start 0, most significant bit first (coldsync libpconn/crc.c). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** The sum of the header's first nine bytes, modulo 256. */
function headerSum(header: Uint8Array): number {
  return header.subarray(0, HEADER_LENGTH - 1).reduce((sum, byte) => (sum + byte) & 0xff, 0);
}

export function encodeSlp(packet: SlpPacket): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  header.set([...SIGNATURE, packet.dest, packet.src, packet.type]);
  header.set([packet.data.length >> 8, packet.data.length & 0xff, packet.xid], 6);
  header[HEADER_LENGTH - 1] = headerSum(header);
  const body = concat([header, packet.data]);
  const crc = crc16(body);
  return concat([body, Uint8Array.of(crc >> 8, crc & 0xff)]);
}

/** Finds packets in the bytes of a line. What is damaged is dropped: the layer above sends again. */
export class SlpDecoder {
  #pending: Uint8Array = new Uint8Array();
  /** How many times bytes that began like a packet were none. */
  damaged = 0;

  push(chunk: Uint8Array): SlpPacket[] {
    let rest = concat([this.#pending, chunk]);
    const packets: SlpPacket[] = [];
    for (;;) {
      const start = findSignature(rest);
      rest = rest.subarray(start);
      if (rest.length < HEADER_LENGTH) break;
      const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
      const dataLength = view.getUint16(6);
      const length = HEADER_LENGTH + dataLength + CRC_LENGTH;
      const headerGood = headerSum(rest) === view.getUint8(9) && dataLength <= SLP_MAX_DATA;
      if (headerGood && rest.length < length) break;
      if (!headerGood || crc16(rest.subarray(0, length - CRC_LENGTH)) !== view.getUint16(length - CRC_LENGTH)) {
        // The length itself may be what is damaged, so look for the next packet right behind this signature.
        this.damaged++;
        rest = rest.subarray(SIGNATURE.length);
        continue;
      }
      packets.push({
        dest: view.getUint8(3),
        src: view.getUint8(4),
        type: view.getUint8(5),
        xid: view.getUint8(8),
        data: rest.slice(HEADER_LENGTH, length - CRC_LENGTH),
      });
      rest = rest.subarray(length);
    }
    this.#pending = rest.slice();
    return packets;
  }
}

/** Where a signature, or what is there of one at the end, begins. */
function findSignature(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; at++) {
    if (SIGNATURE.every((byte, i) => at + i >= bytes.length || bytes[at + i] === byte)) return at;
  }
  return bytes.length;
}
