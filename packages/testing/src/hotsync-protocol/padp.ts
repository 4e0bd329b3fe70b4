// PADP, the Packet Assembly/Disassembly Protocol: the header of one packet inside SLP. The engine in padp-engine.ts
// speaks it. Facts: pilot-link libpisock/padp.c, include/pi-padp.h; Palm OS SDK PadCommn.h.

import { ByteReader, ByteWriter } from "./bytes.ts";

export const PADP_TYPE = { DATA: 0x01, ACK: 0x02, TICKLE: 0x04, ABORT: 0x08 } as const;

export const PADP_FLAG = {
  FIRST: 0x80,
  LAST: 0x40,
  /** In an acknowledge: the message was too large to keep, but the link is good. */
  MEMORY_ERROR: 0x20,
  /** `size` takes four bytes instead of two. */
  LONG: 0x10,
} as const;

/** Data bytes in one packet (PI_PADP_MTU). */
export const PADP_FRAGMENT = 1024;

export interface PadpPacket {
  readonly type: number;
  readonly flags: number;
  /** In the first fragment the whole message's length, in the others this fragment's offset in it. */
  readonly size: number;
  readonly data: Uint8Array;
}

export function encodePadp(packet: PadpPacket): Uint8Array {
  const header = new ByteWriter().u8(packet.type).u8(packet.flags);
  const long = (packet.flags & PADP_FLAG.LONG) !== 0;
  return (long ? header.u32(packet.size) : header.u16(packet.size)).bytes(packet.data).finish();
}

/** Throws ProtocolError `malformed` if there is no whole header. */
export function decodePadp(bytes: Uint8Array): PadpPacket {
  const reader = new ByteReader(bytes, "PADP packet");
  const type = reader.u8();
  const flags = reader.u8();
  const size = flags & PADP_FLAG.LONG ? reader.u32() : reader.u16();
  return { type, flags, size, data: reader.rest() };
}
