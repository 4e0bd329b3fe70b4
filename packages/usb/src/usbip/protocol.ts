// The USB/IP wire format, encode and decode; pure. Names and layouts follow Documentation/usb/usbip_protocol.rst and
// the kernel's drivers/usb/usbip/usbip_common.h and tools/usb/usbip/src/usbip_network.h. Everything is big-endian.
// Two phases on one TCP connection: OP_* (list, import), then, after a successful import, 48-byte headers with payload.

import { UsbError } from "../errors.ts";

export const USBIP_PORT = 3240;
export const USBIP_VERSION = 0x0111;

export const OP_REQ_IMPORT = 0x8003;
export const OP_REP_IMPORT = 0x0003;
export const OP_REQ_DEVLIST = 0x8005;
export const OP_REP_DEVLIST = 0x0005;

/** Status of an OP_REP_* (usbip_common.h of the tools). */
export const ST_OK = 0;
export const ST_NA = 1;
export const ST_DEV_BUSY = 2;
export const ST_DEV_ERR = 3;
export const ST_NODEV = 4;

export const USBIP_CMD_SUBMIT = 1;
export const USBIP_CMD_UNLINK = 2;
export const USBIP_RET_SUBMIT = 3;
export const USBIP_RET_UNLINK = 4;

export const USBIP_DIR_OUT = 0;
export const USBIP_DIR_IN = 1;
/** transfer_flags of an IN transfer (include/uapi/linux/usbip.h). */
export const USBIP_URB_DIR_IN = 0x0200;
/** number_of_packets of what is not isochronous; kernels before 5.11 send 0. */
const NO_PACKETS = 0xffffffff;

/** Status of RET_*: negative Linux errnos (Documentation/driver-api/usb/error-codes.rst). */
export const URB_STATUS = {
  OK: 0,
  ENOENT: -2,
  ENODEV: -19,
  EPIPE: -32,
  EPROTO: -71,
  EOVERFLOW: -75,
  ECONNRESET: -104,
  ESHUTDOWN: -108,
} as const;

/** enum usb_device_speed (include/uapi/linux/usb/ch9.h). */
export const USB_SPEED = { LOW: 1, FULL: 2, HIGH: 3 } as const;

export const OP_HEADER_LENGTH = 8;
export const BUSID_LENGTH = 32;
export const DEVICE_RECORD_LENGTH = 312;
export const INTERFACE_RECORD_LENGTH = 4;
export const HEADER_LENGTH = 48;
const PATH_LENGTH = 256;

export interface OpHeader {
  readonly code: number;
  readonly status: number;
}

export function encodeOpHeader({ code, status }: OpHeader): Buffer {
  const bytes = Buffer.alloc(OP_HEADER_LENGTH);
  bytes.writeUInt16BE(USBIP_VERSION, 0);
  bytes.writeUInt16BE(code, 2);
  bytes.writeUInt32BE(status, 4);
  return bytes;
}

/** @throws UsbError("io") when the peer speaks another version, or something else altogether */
export function decodeOpHeader(bytes: Buffer): OpHeader {
  const version = bytes.readUInt16BE(0);
  if (version !== USBIP_VERSION)
    throw violation(`version 0x${version.toString(16)} is not 0x${USBIP_VERSION.toString(16)}; is it a USB/IP server?`);
  return { code: bytes.readUInt16BE(2), status: bytes.readUInt32BE(4) };
}

/** @param busid at most 31 bytes of ASCII */
export function encodeImportRequest(busid: string): Buffer {
  return Buffer.concat([encodeOpHeader({ code: OP_REQ_IMPORT, status: 0 }), text(busid, BUSID_LENGTH)]);
}

export function decodeBusid(bytes: Buffer): string {
  return untilZero(bytes.subarray(0, BUSID_LENGTH));
}

/** struct usbip_usb_device. */
export interface DeviceRecord {
  readonly path: string;
  readonly busid: string;
  readonly busnum: number;
  readonly devnum: number;
  readonly speed: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersion: number;
  readonly deviceClass: number;
  readonly deviceSubClass: number;
  readonly deviceProtocol: number;
  readonly configurationValue: number;
  readonly configurationCount: number;
  readonly interfaceCount: number;
}

export function encodeDeviceRecord(record: DeviceRecord): Buffer {
  const numbers = Buffer.alloc(DEVICE_RECORD_LENGTH - PATH_LENGTH - BUSID_LENGTH);
  numbers.writeUInt32BE(record.busnum, 0);
  numbers.writeUInt32BE(record.devnum, 4);
  numbers.writeUInt32BE(record.speed, 8);
  numbers.writeUInt16BE(record.vendorId, 12);
  numbers.writeUInt16BE(record.productId, 14);
  numbers.writeUInt16BE(record.deviceVersion, 16);
  numbers.writeUInt8(record.deviceClass, 18);
  numbers.writeUInt8(record.deviceSubClass, 19);
  numbers.writeUInt8(record.deviceProtocol, 20);
  numbers.writeUInt8(record.configurationValue, 21);
  numbers.writeUInt8(record.configurationCount, 22);
  numbers.writeUInt8(record.interfaceCount, 23);
  return Buffer.concat([text(record.path, PATH_LENGTH), text(record.busid, BUSID_LENGTH), numbers]);
}

export function decodeDeviceRecord(bytes: Buffer): DeviceRecord {
  const numbers = bytes.subarray(PATH_LENGTH + BUSID_LENGTH, DEVICE_RECORD_LENGTH);
  return {
    path: untilZero(bytes.subarray(0, PATH_LENGTH)),
    busid: decodeBusid(bytes.subarray(PATH_LENGTH)),
    busnum: numbers.readUInt32BE(0),
    devnum: numbers.readUInt32BE(4),
    speed: numbers.readUInt32BE(8),
    vendorId: numbers.readUInt16BE(12),
    productId: numbers.readUInt16BE(14),
    deviceVersion: numbers.readUInt16BE(16),
    deviceClass: numbers.readUInt8(18),
    deviceSubClass: numbers.readUInt8(19),
    deviceProtocol: numbers.readUInt8(20),
    configurationValue: numbers.readUInt8(21),
    configurationCount: numbers.readUInt8(22),
    interfaceCount: numbers.readUInt8(23),
  };
}

/** What a device record of OP_REP_DEVLIST is followed by, once an interface. */
export interface InterfaceRecord {
  readonly interfaceClass: number;
  readonly interfaceSubClass: number;
  readonly interfaceProtocol: number;
}

export function encodeDeviceList(devices: readonly (readonly [DeviceRecord, readonly InterfaceRecord[]])[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(devices.length);
  const records = devices.flatMap(([record, interfaces]) => [
    encodeDeviceRecord({ ...record, interfaceCount: interfaces.length }),
    ...interfaces.map((it) => Buffer.of(it.interfaceClass, it.interfaceSubClass, it.interfaceProtocol, 0)),
  ]);
  return Buffer.concat([encodeOpHeader({ code: OP_REP_DEVLIST, status: ST_OK }), count, ...records]);
}

/** seqnum names a request on its connection; devid is busnum << 16 | devnum of the import. */
export interface CmdSubmit {
  readonly command: typeof USBIP_CMD_SUBMIT;
  readonly seqnum: number;
  readonly devid: number;
  readonly direction: typeof USBIP_DIR_OUT | typeof USBIP_DIR_IN;
  /** Endpoint number, 0..15. */
  readonly endpoint: number;
  readonly flags: number;
  /** transfer_buffer_length; for OUT as many bytes follow the header. */
  readonly length: number;
  /** (Micro)frames between polls of an interrupt endpoint. */
  readonly interval: number;
  /** Eight bytes; zeros unless endpoint is 0. */
  readonly setup: Uint8Array;
}

export interface CmdUnlink {
  readonly command: typeof USBIP_CMD_UNLINK;
  readonly seqnum: number;
  readonly devid: number;
  readonly unlinkSeqnum: number;
}

export interface RetSubmit {
  readonly command: typeof USBIP_RET_SUBMIT;
  readonly seqnum: number;
  readonly status: number;
  /** For IN as many bytes follow the header. */
  readonly actualLength: number;
}

export interface RetUnlink {
  readonly command: typeof USBIP_RET_UNLINK;
  readonly seqnum: number;
  readonly status: number;
}

/** The header only; an OUT transfer's data goes behind it. */
export function encodeCmdSubmit(cmd: Omit<CmdSubmit, "command">): Buffer {
  const bytes = header(USBIP_CMD_SUBMIT, cmd.seqnum);
  bytes.writeUInt32BE(cmd.devid, 8);
  bytes.writeUInt32BE(cmd.direction, 12);
  bytes.writeUInt32BE(cmd.endpoint, 16);
  bytes.writeUInt32BE(cmd.flags, 20);
  bytes.writeUInt32BE(cmd.length, 24);
  bytes.writeUInt32BE(NO_PACKETS, 32);
  bytes.writeUInt32BE(cmd.interval, 36);
  bytes.set(cmd.setup.subarray(0, 8), 40);
  return bytes;
}

export function encodeCmdUnlink(cmd: Omit<CmdUnlink, "command">): Buffer {
  const bytes = header(USBIP_CMD_UNLINK, cmd.seqnum);
  bytes.writeUInt32BE(cmd.devid, 8);
  bytes.writeUInt32BE(cmd.unlinkSeqnum, 20);
  return bytes;
}

/** The header only; an IN transfer's data goes behind it. */
export function encodeRetSubmit(ret: Omit<RetSubmit, "command">): Buffer {
  const bytes = header(USBIP_RET_SUBMIT, ret.seqnum);
  bytes.writeInt32BE(ret.status, 20);
  bytes.writeUInt32BE(ret.actualLength, 24);
  bytes.writeUInt32BE(NO_PACKETS, 32);
  return bytes;
}

export function encodeRetUnlink(ret: Omit<RetUnlink, "command">): Buffer {
  const bytes = header(USBIP_RET_UNLINK, ret.seqnum);
  bytes.writeInt32BE(ret.status, 20);
  return bytes;
}

/** What a client sends. @throws UsbError("io") for what no client of ours or of the kernel sends */
export function decodeCommand(bytes: Buffer): CmdSubmit | CmdUnlink {
  const command = bytes.readUInt32BE(0);
  const seqnum = bytes.readUInt32BE(4);
  const devid = bytes.readUInt32BE(8);
  if (command === USBIP_CMD_UNLINK) return { command, seqnum, devid, unlinkSeqnum: bytes.readUInt32BE(20) };
  if (command !== USBIP_CMD_SUBMIT) throw violation(`command ${command} is neither CMD_SUBMIT nor CMD_UNLINK`);
  const direction = bytes.readUInt32BE(12);
  if (direction !== USBIP_DIR_OUT && direction !== USBIP_DIR_IN)
    throw violation(`direction ${direction} is not 0 or 1`);
  const endpoint = bytes.readUInt32BE(16);
  if (endpoint > 15) throw violation(`endpoint ${endpoint} is not 0 to 15`);
  const packets = bytes.readUInt32BE(32);
  if (packets !== 0 && packets !== NO_PACKETS) throw violation("isochronous transfers are not supported");
  return {
    command,
    seqnum,
    devid,
    direction,
    endpoint,
    flags: bytes.readUInt32BE(20),
    length: bytes.readUInt32BE(24),
    interval: bytes.readUInt32BE(36),
    setup: bytes.subarray(40, 48),
  };
}

/** What a server sends after the import. @throws UsbError("io") */
export function decodeReply(bytes: Buffer): RetSubmit | RetUnlink {
  const command = bytes.readUInt32BE(0);
  const seqnum = bytes.readUInt32BE(4);
  const status = bytes.readInt32BE(20);
  if (command === USBIP_RET_UNLINK) return { command, seqnum, status };
  if (command !== USBIP_RET_SUBMIT) throw violation(`reply ${command} is neither RET_SUBMIT nor RET_UNLINK`);
  return { command, seqnum, status, actualLength: bytes.readUInt32BE(24) };
}

export function violation(sentence: string): UsbError {
  return new UsbError("io", `USB/IP protocol error: ${sentence}`);
}

function header(command: number, seqnum: number): Buffer {
  const bytes = Buffer.alloc(HEADER_LENGTH);
  bytes.writeUInt32BE(command, 0);
  bytes.writeUInt32BE(seqnum, 4);
  return bytes;
}

/** Zero-padded, with at least one zero at the end. */
function text(value: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.write(value, 0, length - 1, "latin1");
  return bytes;
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
}
