// Golden bytes of DLP: what the Palm OS Emulator (4.1), a Clie and a Tungsten T|X sent and were sent in recorded syncs
// (palm-sync's test data). Each is written and read, so that the two ends cannot be wrong together.

import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, equalBytes } from "../src/hotsync-protocol/bytes.ts";
import {
  DLP_ERROR,
  DLP_FUNC,
  decodeDlpRequest,
  decodeDlpResponse,
  dlpArgs,
  encodeDlpRequest,
  encodeDlpResponse,
} from "../src/hotsync-protocol/dlp.ts";
import * as databases from "../src/hotsync-protocol/dlp-databases.ts";
import * as structs from "../src/hotsync-protocol/dlp-structs.ts";
import { ProtocolError } from "../src/hotsync-protocol/errors.ts";
import { bytes, hex } from "./hex.ts";

const time = (text: string): number => structs.palmTime(new Date(`${text}Z`));

/** Writes `value` and expects the golden bytes; reads them and expects `value`. */
function golden<T>(text: string, value: T, codec: { write(value: T): Uint8Array; read(data: Uint8Array): T }): void {
  const data = bytes(text);
  expect(hex(codec.write(value))).toBe(hex(data));
  expect(codec.read(data)).toEqual(value);
  for (let length = 0; length < data.length; length++) {
    const cut = data.subarray(0, length);
    let read: T | undefined;
    try {
      read = codec.read(cut);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
    }
    // Only what ends in "the rest" can be shorter, and then it is another value.
    if (read !== undefined) expect(read).not.toEqual(value);
  }
}

describe("the frame", () => {
  const request = { write: encodeDlpRequest, read: decodeDlpRequest };
  const response = { write: encodeDlpResponse, read: decodeDlpResponse };

  it("of requests", () => {
    golden("2e 00 # OpenConduit, no argument", { func: DLP_FUNC.OpenConduit, args: [] }, request);
    const version = dlpArgs(bytes("0001 0004"));
    golden("12 01  20 04 00010004 # ReadSysInfo", { func: DLP_FUNC.ReadSysInfo, args: version }, request);
  });

  it("of responses, with an error or with arguments", () => {
    golden("ae 00 0000", { func: DLP_FUNC.OpenConduit, error: 0, args: [] }, response);
    golden("9d 00 0005", { func: DLP_FUNC.ReadSortBlock, error: DLP_ERROR.NotFound, args: [] }, response);
  });

  it("of arguments of all three lengths", () => {
    for (const [length, head] of [
      [0xff, "20 ff"],
      [0x100, "a0 00 0100"],
      [0xffff, "a0 00 ffff"],
      [0x10000, "60 00 00010000"],
    ] as const) {
      const data = new Uint8Array(length).fill(7);
      const message = encodeDlpRequest({ func: DLP_FUNC.WriteRecord, args: dlpArgs(data) });
      expect(hex(message.subarray(2, 2 + bytes(head).length))).toBe(hex(bytes(head)));
      const [arg] = decodeDlpRequest(message).args;
      expect([arg?.id, arg && equalBytes(arg.data, data)]).toEqual([0x20, true]);
    }
  });

  it("refuses arguments that are longer than the message", () => {
    for (const wrong of [
      "",
      "12",
      "12 01",
      "12 01 20",
      "12 01 20 04 0001",
      "12 ff",
      "12 01 a0 00 ffff",
      "12 01 60 00 ffffffff",
    ]) {
      expect(() => decodeDlpRequest(bytes(wrong))).toThrow(ProtocolError);
    }
    expect(() => decodeDlpResponse(bytes("2e 00 0000"))).toThrow(/0x2e/);
  });
});

describe("arguments", () => {
  it("user info", () => {
    const user = {
      userId: 0,
      viewerId: 0,
      lastSyncPc: 0,
      lastSuccessfulSync: time("2022-06-08T03:39:33"),
      lastSync: time("2022-06-08T03:39:33"),
      name: "Palm OS Emulator",
      password: new Uint8Array(),
    };
    const text = `
      00000000 00000000 00000000             # user, viewer, last PC
      07e6 06 08 03 27 21 00                 # last good sync
      07e6 06 08 03 27 21 00                 # last sync
      11 00                                  # lengths of name and password
      50616c6d204f5320456d756c61746f72 00    # Palm OS Emulator
    `;
    golden(text, user, { write: structs.encodeUserInfo, read: structs.decodeUserInfo });
  });

  it("a change of the user info, as palm-sync writes it", () => {
    const sent = bytes("00000000 00000000 00000000 07e5 06 0d 00000100 30 07 54657374203000");
    expect(structs.decodeUserInfoChange(sent)).toEqual({ lastSync: time("2021-06-13T00:00:01"), name: "Test 0" });
    const change = { userId: 7, name: "x" };
    expect(structs.decodeUserInfoChange(structs.encodeUserInfoChange(change))).toEqual(change);
  });

  it("system info, in two arguments or one", () => {
    const first = bytes("04103000 00010000 00 04 00020000");
    const second = bytes("00010002 00030000 0000ffe1");
    const info = {
      romVersion: 0x04103000,
      localization: 0x10000,
      productId: bytes("00020000"),
      dlp: { version: 0x10002, compatVersion: 0x30000, maxRecordSize: 0xffe1 },
    };
    expect(structs.encodeSysInfo(info).map(hex)).toEqual([hex(first), hex(second)]);
    expect(structs.decodeSysInfo(first, second)).toEqual(info);
    const { dlp: _, ...old } = info;
    expect(structs.decodeSysInfo(first)).toEqual(old);
  });

  it("storage info of a T|X", () => {
    const text = `
      00 01 00 01                            # last card, more, -, one card here
      30 00 0001                             # 48 bytes, card 0, version 1
      07d1 0a 09 0d 21 25 00                 # made
      001a7ffc 00800000 007b909c             # ROM, RAM, free
      08 0e 50616c6d43617264                 # PalmCard
      50616c6d20436f6d707574696e67           # Palm Computing
    `;
    const info = {
      card: 0,
      version: 1,
      created: time("2001-10-09T13:33:37"),
      romSize: 0x1a7ffc,
      ramSize: 0x800000,
      freeRam: 0x7b909c,
      name: "PalmCard",
      manufacturer: "Palm Computing",
    };
    expect(structs.decodeStorageInfo(bytes(text))).toEqual(info);
    // We never say that there is more: pilot-link and ColdSync differ about what that byte means.
    expect(hex(structs.encodeStorageInfo(info))).toBe(hex(bytes(text.replace("00 01 00 01", "00 00 00 01"))));
  });

  it("times, and no time", () => {
    const read = (text: string): number => structs.readTime(new ByteReader(bytes(text), "time"));
    expect(read("07e7 06 0d 00 00 01 00")).toBe(time("2023-06-13T00:00:01"));
    expect(read("0000 03 ad 78 ad 78 00")).toBe(0);
    expect(hex(structs.writeTime(new ByteWriter(), 0).finish())).toBe("00".repeat(8));
    expect(hex(structs.writeTime(new ByteWriter(), 0xffffffff).finish())).toBe(hex(bytes("07f8 02 06 06 1c 0f 00")));
  });

  it("a list of databases, as a T|X sends it", () => {
    const mail = {
      miscFlags: 0x40,
      attributes: 0,
      type: "DATA",
      creator: "mail",
      version: 0,
      modificationNumber: 2,
      created: time("2001-01-04T21:03:32"),
      modified: time("2001-01-04T21:03:32"),
      backedUp: 0,
      index: 1,
      name: "MailDB",
    };
    const entry = `
      34 40 0000                             # 52 bytes, in RAM, no attributes
      44415441 6d61696c                      # DATA, mail
      0000 00000002                          # version, modification number
      07d1 01 04 15 03 20 00                 # created
      07d1 01 04 15 03 20 00                 # modified
      0000 00 00 00 00 00 00                 # never backed up
      0001 4d61696c444200 00                 # index, MailDB, filled up to an even length
    `;
    golden(entry, mail, {
      write: databases.encodeDbInfo,
      read: (data) => databases.decodeDbInfo(new ByteReader(data, "entry")),
    });
    const list = { lastIndex: 1, more: true, entries: [mail] };
    golden(`0001 80 01 # last index, more, one entry\n${entry}`, list, {
      write: databases.encodeDbList,
      read: databases.decodeDbList,
    });
  });

  it("sizes, new databases, records, resources", () => {
    const size = { records: 2, totalBytes: 0x159, dataBytes: 0xdd, appBlock: 0x11a, sortBlock: 0, maxRecord: 0 };
    golden("00000002 00000159 000000dd 0000011a 00000000 00000000", size, {
      write: databases.encodeDbSize,
      read: databases.decodeDbSize,
    });
    const create = { creator: "AAAA", type: "DATA", attributes: 0x80, version: 0, name: "foobar" };
    golden("41414141 44415441 00 00 0080 0000 666f6f62617200", create, {
      write: databases.encodeCreateDb,
      read: databases.decodeCreateDb,
    });
    const data = bytes("48656c6c6f2c20776f726c642100");
    const record = { id: 0x457001, index: 0, size: 14, attributes: 0x40, category: 0, data };
    golden("00457001 0000 000e 40 00 48656c6c6f2c20776f726c642100", record, {
      write: databases.encodeRecordPart,
      read: databases.decodeRecordPart,
    });
    const write = { handle: 0x0b, id: 1, attributes: 0, category: 0, data: bytes("4368616e67656400") };
    golden("0b 80 00000001 00 00 4368616e67656400", write, {
      write: databases.encodeRecordWrite,
      read: databases.decodeRecordWrite,
    });
    const resource = { type: "Tbmp", id: 0x0bea, index: 1, size: 2, data: bytes("0072") };
    golden("54626d70 0bea 0001 0002 0072", resource, {
      write: databases.encodeResourcePart,
      read: databases.decodeResourcePart,
    });
  });
});
