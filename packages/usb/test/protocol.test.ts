// The USB/IP codec against bytes: those of the kernel's documentation, and commented ones.

import { describe, expect, it } from "vitest";
import * as usbip from "../src/usbip/protocol.ts";
import { type StreamParser, StreamReader } from "../src/usbip/stream.ts";

function hex(...groups: string[]): Buffer {
  return Buffer.from(groups.join("").replaceAll(" ", ""), "hex");
}

function padded(text: string, length: number): string {
  return Buffer.from(text.padEnd(length, "\0"), "latin1").toString("hex");
}

describe("the first phase", () => {
  const record: usbip.DeviceRecord = {
    path: "/sys/devices/pci0000:00/0000:00:1d.1/usb3/3-2",
    busid: "3-2",
    busnum: 3,
    devnum: 2,
    speed: usbip.USB_SPEED.FULL,
    vendorId: 0x0830,
    productId: 0x0060,
    deviceVersion: 0x0100,
    deviceClass: 0,
    deviceSubClass: 1,
    deviceProtocol: 2,
    configurationValue: 1,
    configurationCount: 1,
    interfaceCount: 2,
  };
  const recordBytes = hex(
    padded(record.path, 256),
    padded("3-2", 32), // busid
    "00000003 00000002 00000002", // busnum, devnum, speed
    "0830 0060 0100", // idVendor, idProduct, bcdDevice
    "00 01 02", // bDeviceClass, bDeviceSubClass, bDeviceProtocol
    "01 01 02", // bConfigurationValue, bNumConfigurations, bNumInterfaces
  );

  it("has requests and replies of these bytes", () => {
    expect(usbip.encodeOpHeader({ code: usbip.OP_REQ_DEVLIST, status: 0 })).toEqual(hex("0111 8005 00000000"));
    expect(usbip.encodeImportRequest("3-2")).toEqual(hex("0111 8003 00000000", padded("3-2", 32)));
    expect(usbip.decodeBusid(hex(padded("3-2", 32)))).toBe("3-2");
    expect(usbip.decodeOpHeader(hex("0111 0003 00000004"))).toEqual({ code: usbip.OP_REP_IMPORT, status: 4 });
    expect(() => usbip.decodeOpHeader(Buffer.from("SSH-2.0-"))).toThrow("is it a USB/IP server?");
  });

  it("describes a device in 312 bytes", () => {
    expect(recordBytes.length).toBe(usbip.DEVICE_RECORD_LENGTH);
    expect(usbip.encodeDeviceRecord(record)).toEqual(recordBytes);
    expect(usbip.decodeDeviceRecord(recordBytes)).toEqual(record);
  });

  it("lists devices with their interfaces", () => {
    const vendorSpecific = { interfaceClass: 0xff, interfaceSubClass: 0, interfaceProtocol: 0 };
    const audio = { interfaceClass: 1, interfaceSubClass: 2, interfaceProtocol: 3 };
    expect(usbip.encodeDeviceList([[record, [vendorSpecific, audio]]])).toEqual(
      Buffer.concat([hex("0111 0005 00000000", "00000001"), recordBytes, hex("ff000000 01020300")]),
    );
  });
});

describe("the second phase", () => {
  const IN: typeof usbip.USBIP_DIR_IN = usbip.USBIP_DIR_IN;
  // Documentation/usb/usbip_protocol.rst, "EXAMPLE"; its number_of_packets and start_frame columns are one off, so
  // only the columns that its table and the kernel's struct usbip_header_cmd_submit agree on are taken from there.
  it("submits an IN transfer", () => {
    const bytes = hex(
      "00000001 00000d05 0001000f 00000001 00000001", // CMD_SUBMIT, seqnum, devid 1-15, IN, ep 1
      "00000200 00000040 00000000 ffffffff 00000004", // URB_DIR_IN, 64 bytes, start_frame, no packets, interval
      "0000000000000000", // setup
    );
    const cmd = {
      ...{ seqnum: 0xd05, devid: 0x1000f, direction: IN, endpoint: 1 },
      ...{ flags: usbip.USBIP_URB_DIR_IN, length: 64, interval: 4, setup: new Uint8Array(8) },
    };
    expect(usbip.encodeCmdSubmit(cmd)).toEqual(bytes);
    expect(usbip.decodeCommand(bytes)).toEqual({ command: usbip.USBIP_CMD_SUBMIT, ...cmd, setup: Buffer.alloc(8) });
  });

  it("submits a control transfer with its setup packet", () => {
    const setup = hex("c204000000001400");
    const cmd = { seqnum: 1, devid: 0x10002, direction: IN, endpoint: 0, flags: 0x200, length: 20 };
    expect(usbip.encodeCmdSubmit({ ...cmd, interval: 0, setup })).toEqual(
      hex(
        "00000001 00000001 00010002 00000001 00000000", // CMD_SUBMIT, seqnum, devid, IN, ep 0
        "00000200 00000014 00000000 ffffffff 00000000", // flags, 20 bytes, start_frame, no packets, interval
        "c204000000001400", // bmRequestType, bRequest, wValue, wIndex, wLength 20
      ),
    );
  });

  it("unlinks", () => {
    const bytes = hex(
      "00000002 00000d07 0001000f 00000000 00000000", // CMD_UNLINK, seqnum, devid
      "00000d05", // the transfer's seqnum
      "00".repeat(24),
    );
    const cmd = { seqnum: 0xd07, devid: 0x1000f, unlinkSeqnum: 0xd05 };
    expect(usbip.encodeCmdUnlink(cmd)).toEqual(bytes);
    expect(usbip.decodeCommand(bytes)).toEqual({ command: usbip.USBIP_CMD_UNLINK, ...cmd });
  });

  it("answers both", () => {
    const submit = hex(
      "00000003 00000d05 00000000 00000000 00000000", // RET_SUBMIT, seqnum
      "ffffffe0 00000010 00000000 ffffffff 00000000", // -EPIPE, 16 bytes, start_frame, no packets, error_count
      "0000000000000000",
    );
    expect(usbip.encodeRetSubmit({ seqnum: 0xd05, status: -32, actualLength: 16 })).toEqual(submit);
    expect(usbip.decodeReply(submit)).toEqual({
      ...{ command: usbip.USBIP_RET_SUBMIT, seqnum: 0xd05, status: usbip.URB_STATUS.EPIPE, actualLength: 16 },
    });
    const unlink = hex(
      "00000004 00000d07 00000000 00000000 00000000", // RET_UNLINK, seqnum
      "ffffff98", // -ECONNRESET
      "00".repeat(24),
    );
    expect(usbip.encodeRetUnlink({ seqnum: 0xd07, status: -104 })).toEqual(unlink);
    expect(usbip.decodeReply(unlink)).toEqual({
      ...{ command: usbip.USBIP_RET_UNLINK, seqnum: 0xd07, status: usbip.URB_STATUS.ECONNRESET },
    });
  });

  it("refuses what it does not know", () => {
    const cmd = { seqnum: 1, devid: 0, direction: IN, endpoint: 1, flags: 0, length: 0 };
    const good = usbip.encodeCmdSubmit({ ...cmd, interval: 0, setup: new Uint8Array(8) });
    const changed = (offset: number, value: number) => {
      const bytes = Buffer.from(good);
      bytes.writeUInt32BE(value, offset);
      return bytes;
    };
    expect(() => usbip.decodeCommand(changed(0, 3))).toThrow("command 3");
    expect(() => usbip.decodeCommand(changed(12, 2))).toThrow("direction 2");
    expect(() => usbip.decodeCommand(changed(16, 16))).toThrow("endpoint 16");
    expect(() => usbip.decodeCommand(changed(32, 8))).toThrow("isochronous");
    expect(() => usbip.decodeReply(good)).toThrow("reply 1");
  });
});

describe("the stream reader", () => {
  /** Messages of one length byte and as many bytes, until an empty one. */
  function* lengthPrefixed(got: string[]): StreamParser {
    for (;;) {
      const length = (yield 1)[0] ?? 0;
      if (length === 0) return;
      got.push((yield length).toString("latin1"));
    }
  }

  const stream = Buffer.from("\x03one\x05three\x10sixteen letters!\x00ignored", "latin1");

  it.each([1, 2, 3, 5, 7, stream.length])("cuts messages from chunks of %d bytes", (size) => {
    const got: string[] = [];
    const reader = new StreamReader(lengthPrefixed(got));
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    expect(got).toEqual(["one", "three", "sixteen letters!"]);
    expect(reader.open).toBe(false);
  });
});
