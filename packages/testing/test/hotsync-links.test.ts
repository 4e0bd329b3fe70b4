// Golden bytes of the layers below DLP: what the Palm OS Emulator (4.1) and a Clie sent and were sent in recorded
// syncs (palm-sync's test data).

import { describe, expect, it } from "vitest";
import { CMP_FLAG, CMP_TYPE, decodeCmp, encodeCmp } from "../src/hotsync-protocol/cmp.ts";
import { ProtocolError } from "../src/hotsync-protocol/errors.ts";
import { recogniseFamily } from "../src/hotsync-protocol/handshake.ts";
import { encodeNet, NET_HANDSHAKE, NET_TYPE, NetDecoder } from "../src/hotsync-protocol/net.ts";
import { decodePadp, encodePadp, PADP_FLAG, PADP_TYPE } from "../src/hotsync-protocol/padp.ts";
import { encodeSlp, SLP_TYPE, SlpDecoder } from "../src/hotsync-protocol/slp.ts";
import { bytes, hex, join } from "./hex.ts";

const WAKEUP_CMP = bytes(`
  01 10 0103   # WAKEUP, flags: long packets, version 1.3
  0000         # reserved
  0001c200     # 115200 bits a second
`);
const WAKEUP_PADP = join(bytes("01 c0 000a # DATA, FIRST and LAST, 10 bytes"), WAKEUP_CMP);
const WAKEUP_SLP = join(
  bytes(`
    beefed       # signature
    03 03 02     # to and from the DLP socket, PADP
    000e ff af   # 14 bytes, transaction 0xff, sum of the header
  `),
  WAKEUP_PADP,
  bytes("6d2e # CRC-16"),
);
const WAKEUP = { dest: 3, src: 3, type: SLP_TYPE.PADP, xid: 0xff, data: WAKEUP_PADP };
const LOOPBACK = bytes("beefed 03 03 03 0000 16 b9 ee52");

describe("SLP", () => {
  it("writes and reads a handheld's wake-up", () => {
    expect(hex(encodeSlp(WAKEUP))).toBe(hex(WAKEUP_SLP));
    expect(new SlpDecoder().push(WAKEUP_SLP)).toEqual([WAKEUP]);
    expect(new SlpDecoder().push(LOOPBACK)).toMatchObject([{ type: SLP_TYPE.LOOPBACK, xid: 0x16 }]);
  });

  it("finds packets whatever the pieces and the noise between them", () => {
    const line = join(bytes("00 be ef 00"), WAKEUP_SLP, bytes("beef"), LOOPBACK, WAKEUP_SLP);
    for (let size = 1; size <= line.length; size++) {
      const decoder = new SlpDecoder();
      const found = [];
      for (let at = 0; at < line.length; at += size) found.push(...decoder.push(line.subarray(at, at + size)));
      expect(found.map(({ type }) => type)).toEqual([SLP_TYPE.PADP, SLP_TYPE.LOOPBACK, SLP_TYPE.PADP]);
    }
  });

  it("drops a packet with any one byte changed, and finds the next one", () => {
    for (let at = 0; at < WAKEUP_SLP.length; at++) {
      const damaged = WAKEUP_SLP.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      const decoder = new SlpDecoder();
      // A length that grew makes the decoder wait for more than the next packet: the one behind it ends the wait.
      const found = decoder.push(join(damaged, ...Array.from({ length: 60 }, () => WAKEUP_SLP)));
      expect(found).toEqual(Array.from({ length: 60 }, () => WAKEUP));
    }
  });

  it("does not wait for a length that nobody speaks", () => {
    const header = Uint8Array.of(0xbe, 0xef, 0xed, 3, 3, 2, 0xff, 0xff, 1, 0);
    header[9] = header.reduce((sum, byte) => (sum + byte) & 0xff, 0);
    const decoder = new SlpDecoder();
    expect(decoder.push(join(header, WAKEUP_SLP))).toEqual([WAKEUP]);
    expect(decoder.damaged).toBe(1);
  });
});

describe("PADP", () => {
  it("writes and reads both header lengths", () => {
    const { FIRST, LAST, LONG } = PADP_FLAG;
    const data = new Uint8Array();
    const ack = { type: PADP_TYPE.ACK, flags: FIRST | LAST, size: 10, data };
    expect(hex(encodePadp(ack))).toBe("02c0000a");
    const longAck = { ...ack, flags: FIRST | LAST | LONG, size: 8 };
    expect(hex(encodePadp(longAck))).toBe("02d000000008");
    for (const packet of [ack, longAck]) expect(decodePadp(encodePadp(packet))).toEqual(packet);
  });

  it("refuses half a header", () => {
    for (const half of ["", "01", "01c0", "01c000", "01d00000", "01d0000000"]) {
      expect(() => decodePadp(bytes(half))).toThrow(ProtocolError);
    }
  });
});

describe("CMP", () => {
  it("writes and reads a handheld's WAKEUP and a desktop's INIT", () => {
    const wakeup = { type: CMP_TYPE.WAKEUP, flags: CMP_FLAG.LONG_PACKETS, version: 0x0103, baud: 115200 };
    expect(hex(encodeCmp(wakeup))).toBe(hex(WAKEUP_CMP));
    expect(decodeCmp(WAKEUP_CMP)).toEqual(wakeup);
    const flags = CMP_FLAG.CHANGE_BAUD | CMP_FLAG.LONG_PACKETS;
    const init = { type: CMP_TYPE.INIT, flags, version: 0x0101, baud: 115200 };
    expect(hex(encodeCmp(init))).toBe("0290010100000001c200");
  });

  it("refuses short packets and unknown types", () => {
    expect(() => decodeCmp(WAKEUP_CMP.subarray(0, 9))).toThrow(ProtocolError);
    expect(() => decodeCmp(bytes("09 10 0103 0000 0001c200"))).toThrow(/unknown type 9/);
  });
});

describe("NET", () => {
  const HELLO = bytes(`
    01 ff 00000016                                 # DATA, transaction 0xff, 22 bytes
    90 01 000000000000 0020 00000008 0100000000000000
  `);

  it("writes a handheld's greeting as two transfers and reads it in any pieces", () => {
    const [header, payload] = encodeNet({ type: NET_TYPE.DATA, xid: 0xff, data: NET_HANDSHAKE.HELLO });
    expect([hex(header), hex(payload)]).toEqual([hex(HELLO.subarray(0, 6)), hex(HELLO.subarray(6))]);
    for (let size = 1; size <= HELLO.length; size++) {
      const decoder = new NetDecoder();
      const found = [];
      for (let at = 0; at < HELLO.length; at += size) found.push(...decoder.push(HELLO.subarray(at, at + size)));
      expect(found).toEqual([{ type: NET_TYPE.DATA, xid: 0xff, data: NET_HANDSHAKE.HELLO }]);
    }
  });

  it("has a hand-shake of 22, 50, 50, 46 and 8 bytes", () => {
    expect(Object.values(NET_HANDSHAKE).map(({ length }) => length)).toEqual([22, 50, 50, 46, 8]);
    expect(Object.values(NET_HANDSHAKE).map(([first]) => first)).toEqual([0x90, 0x12, 0x92, 0x13, 0x93]);
  });

  it("reads tickles, and refuses lengths and types that cannot be", () => {
    const push = (text: string): unknown => new NetDecoder().push(bytes(text));
    expect(push("02 ff 00000000")).toMatchObject([{ type: NET_TYPE.TICKLE }]);
    for (const wrong of ["02 ff 00000001", "01 01 00100001", "01 01 ffffffff", "03 01 00000001", "be ef ed030302"]) {
      expect(() => push(wrong)).toThrow(ProtocolError);
    }
  });
});

describe("the first bytes", () => {
  it("tell the family, with noise before them or the first header lost", () => {
    const noise = bytes("00 ff 01 02");
    const hello = join(bytes("01 ff 00000016"), NET_HANDSHAKE.HELLO);
    expect(recogniseFamily(join(noise, WAKEUP_SLP))).toEqual({ family: "slp", first: WAKEUP_SLP });
    expect(recogniseFamily(join(noise, hello))).toEqual({ family: "net", first: hello });
    expect(recogniseFamily(hello.subarray(0, 6))).toEqual({ family: "net", first: hello.subarray(0, 6) });
    expect(recogniseFamily(NET_HANDSHAKE.HELLO)).toEqual({ family: "net", first: hello });
    expect(recogniseFamily(noise)).toBeUndefined();
  });
});
