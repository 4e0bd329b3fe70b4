// CMP, the Connection Management Protocol: ten bytes in PADP by which the two ends agree on version and speed.
// Facts: pilot-link libpisock/cmp.c, include/pi-cmp.h; Palm OS SDK CMCommon.h.

import { ByteReader, ByteWriter } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";

export const CMP_TYPE = { WAKEUP: 1, INIT: 2, ABORT: 3 } as const;

export const CMP_FLAG = {
  CHANGE_BAUD: 0x80,
  ONE_MINUTE_TIMEOUT: 0x40,
  TWO_MINUTE_TIMEOUT: 0x20,
  /** This end understands PADP's long headers. */
  LONG_PACKETS: 0x10,
} as const;

/** The reason in an ABORT's flags: the versions do not fit. */
export const CMP_ABORT_VERSION = 0x80;

/** Every serial sync begins at this speed, and with this transaction number. */
export const CMP_FIRST_BAUD = 9600;
export const CMP_XID = 0xff;

export interface CmpPacket {
  readonly type: number;
  readonly flags: number;
  /** Major in the high byte, minor in the low one. */
  readonly version: number;
  /** WAKEUP: the fastest that the handheld can; INIT: what shall be used, 0 for no change. Bits a second. */
  readonly baud: number;
}

export function encodeCmp(packet: CmpPacket): Uint8Array {
  return new ByteWriter().u8(packet.type).u8(packet.flags).u16(packet.version).u16(0).u32(packet.baud).finish();
}

/** Throws ProtocolError `malformed` for a short packet or an unknown type. */
export function decodeCmp(bytes: Uint8Array): CmpPacket {
  const reader = new ByteReader(bytes, "CMP packet");
  const type = reader.u8();
  if (type < CMP_TYPE.WAKEUP || type > CMP_TYPE.ABORT) {
    throw new ProtocolError("malformed", `CMP packet of unknown type ${type}`);
  }
  return { type, flags: reader.u8(), version: reader.u16(), baud: reader.skip(2).u32() };
}
