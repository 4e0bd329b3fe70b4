// NET, what newer handhelds speak over USB and TCP: `type xid length32 payload` and a hand-shake of five messages.
// A NetDecoder lives as long as the stream. Facts: pilot-link libpisock/net.c (the hand-shake is nowhere else),
// include/pi-net.h; coldsync libpconn/netsync.c.

import { ByteReader, ByteWriter, concat } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";

export const NET_TYPE = { DATA: 1, TICKLE: 2 } as const;
export const NET_HEADER_LENGTH = 6;
/** pilot-link takes no larger packet either. */
export const NET_MAX_DATA = 0x100000;

export interface NetPacket {
  readonly type: number;
  readonly xid: number;
  readonly data: Uint8Array;
}

/** Header and payload apart, as a handheld sends them: two USB transfers. */
export function encodeNet(packet: NetPacket): [header: Uint8Array, payload: Uint8Array] {
  const header = new ByteWriter().u8(packet.type).u8(packet.xid).u32(packet.data.length).finish();
  return [header, packet.data];
}

/** `push` throws ProtocolError `malformed`; NET cannot find its way back, so the link is lost then. */
export class NetDecoder {
  #pending: Uint8Array = new Uint8Array();

  push(chunk: Uint8Array): NetPacket[] {
    let rest = concat([this.#pending, chunk]);
    const packets: NetPacket[] = [];
    while (rest.length >= NET_HEADER_LENGTH) {
      const reader = new ByteReader(rest, "NET packet");
      const type = reader.u8();
      const xid = reader.u8();
      const length = reader.u32();
      const wrong = type === NET_TYPE.TICKLE ? length !== 0 : type !== NET_TYPE.DATA || length > NET_MAX_DATA;
      if (wrong) throw new ProtocolError("malformed", `NET header with type ${type} and length ${length}`);
      if (reader.remaining < length) break;
      packets.push({ type, xid, data: reader.bytes(length) });
      rest = reader.rest();
    }
    this.#pending = rest.slice();
    return packets;
  }
}

const HEX = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/**
 * The hand-shake's messages in their order. What the fields mean is not known; both ends look at the first byte and
 * the length alone. The addresses in them (192.168.x.x) are what handheld and desktop happened to have.
 */
export const NET_HANDSHAKE = {
  /** Handheld, 22 bytes. */
  HELLO: HEX("9001000000000000 0020 00000008 0100000000000000"),
  /** Desktop, 50 bytes. */
  HELLO_REPLY: HEX(
    "1201000000000000 0020 00000024 ffffffff3c003c00 0000000000000000 c0a8a51f0427 0000 0000000000000000 00000000",
  ),
  /** Handheld, 50 bytes. */
  SETUP: HEX(
    "9201000000000000 0020 00000024 ffffffff003c003c 4000000001000000 c0a8a51e0401 0000 0000000000000000 00000000",
  ),
  /** Desktop, 46 bytes. */
  SETUP_REPLY: HEX(
    "1301000000000000 0020 00000020 ffffffff003c003c 0000000000000001 0000000000000000 0000000000000000",
  ),
  /** Handheld, 8 bytes. */
  DONE: HEX("9300000000000000"),
} as const;
