// A printer of the USB printer class (Universal Serial Bus Device Class Definition for Printing Devices, 1.1), as far as
// a driver has to know it: its alternate settings, its requests, its status. Facts of the kernel's driver are those of
// drivers/usb/class/usblp.c. Pure.

import type { AlternateSetting, ControlSetup, DeviceDescriptor, InterfaceDescriptor, UsbDevice } from "@devlift/usb";

/** USBLP_MINORS. */
export const MOST_PRINTERS = 16;
/** USBLP_BUF_SIZE: what a transfer to the printer has at most. */
export const BLOCK = 8192;
/** USBLP_BUF_SIZE_IN: what a transfer from it can bring. */
export const BLOCK_IN = 1024;
/** USBLP_DEVICE_ID_SIZE. */
const DEVICE_ID_SIZE = 1024;
/** USBLP_CTL_TIMEOUT. */
export const CONTROL_MS = 5000;

const PRINTER_CLASS = 7;
const PRINTER_SUBCLASS = 1;
/** bInterfaceProtocol: 1 unidirectional, 2 bidirectional, 3 1284.4. 4 is IPP over USB, which is no stream of bytes. */
const PROTOCOLS = [1, 2, 3] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** As udev's ID_USB_INTERFACES has them: class, subclass and protocol in hex. */
export const PRINTER_INTERFACES: readonly string[] = PROTOCOLS.map((protocol) => `07010${protocol}`);

/** Bits of GET_PORT_STATUS (LP_POUTPA and others of include/uapi/linux/lp.h). */
export const STATUS = { paperOut: 0x20, selected: 0x10, noError: 0x08 } as const;

/** What the kernel's driver says of a status in its log. */
export type Condition = "ok" | "out of paper" | "off-line" | "on fire";

export function conditionOf(status: number): Condition {
  if ((status & STATUS.selected) === 0) return "off-line";
  if ((status & STATUS.paperOut) !== 0) return "out of paper";
  return (status & STATUS.noError) === 0 ? "on fire" : "ok";
}

/** Where a protocol is spoken. Addresses of bulk endpoints. */
export interface Way {
  readonly setting: number;
  readonly out: number;
  /** undefined: nothing is read from this printer. */
  readonly in: number | undefined;
}

export type Ways = ReadonlyMap<Protocol, Way>;

/** USBLP_QUIRK_BIDIR: they say that they are bidirectional, and lose print data when something is read. */
const NOT_READ: ReadonlySet<string> = new Set([
  ...["03f0:0004", "03f0:0104", "03f0:0204", "03f0:0304", "03f0:0404", "03f0:0504", "03f0:0604", "03f0:0804"],
  ...["03f0:1104", "0409:efbe", "0409:bef4", "0409:f0be", "0409:f1be", "0482:0010", "04f9:000d"],
]);
/** USBLP_QUIRK_BAD_CLASS: printers whose interface is of another class. */
const OTHER_CLASS: ReadonlySet<string> = new Set(["04b8:0202"]);
const HP = 0x03f0;

export function usbId({ vendorId, productId }: DeviceDescriptor): string {
  return [vendorId, productId].map((id) => id.toString(16).padStart(4, "0")).join(":");
}

/** The interface that makes a device a printer; undefined: it is none. */
export function printerInterface({ descriptor, configuration }: UsbDevice): InterfaceDescriptor | undefined {
  const isAny = OTHER_CLASS.has(usbId(descriptor));
  return configuration?.interfaces.find(({ alternates }) =>
    alternates.some((alternate) => alternate.setting === 0 && (isAny || speaksPrinter(alternate))),
  );
}

function speaksPrinter(alternate: AlternateSetting): boolean {
  const { interfaceClass, interfaceSubClass } = alternate;
  return (
    interfaceClass === PRINTER_CLASS && interfaceSubClass === PRINTER_SUBCLASS && protocolOf(alternate) !== undefined
  );
}

function protocolOf({ interfaceProtocol }: AlternateSetting): Protocol | undefined {
  return PROTOCOLS.find((protocol) => protocol === interfaceProtocol);
}

/** The protocols that can be spoken with it, as usblp_select_alts() finds them: of two settings the later one. */
export function waysOf(descriptor: DeviceDescriptor, { alternates }: InterfaceDescriptor): Ways {
  const isAny = OTHER_CLASS.has(usbId(descriptor));
  const isRead = !NOT_READ.has(usbId(descriptor));
  const ways = new Map<Protocol, Way>();
  for (const alternate of alternates) {
    const protocol = protocolOf(alternate);
    if (protocol === undefined || !(isAny || speaksPrinter(alternate))) continue;
    const bulk = (direction: "in" | "out") =>
      alternate.endpoints.find((endpoint) => endpoint.type === "bulk" && endpoint.direction === direction)?.address;
    const [out, input] = [bulk("out"), protocol === 1 ? undefined : bulk("in")];
    if (out === undefined || (protocol > 1 && input === undefined)) continue;
    ways.set(protocol, { setting: alternate.setting, out, in: isRead ? input : undefined });
  }
  return ways;
}

/** Which of them is spoken at first: 2 is a stream of bytes in both directions, 3 is packets. */
export function firstProtocol(ways: Ways): Protocol | undefined {
  return ([2, 1, 3] as const).find((protocol) => ways.has(protocol));
}

/** HP's vendor request is not for others' printers, nor for those that lose data. */
export function hasHpChannels(descriptor: DeviceDescriptor): boolean {
  return descriptor.vendorId === HP && !NOT_READ.has(usbId(descriptor));
}

/** GET_DEVICE_ID (4.2.1): the interface is in the high byte. @returns how many bytes to ask for, too */
export function getDeviceId(interfaceNumber: number, setting: number): [ControlSetup, number] {
  return [{ requestType: 0xa1, request: 0, value: 0, index: (interfaceNumber << 8) | setting }, DEVICE_ID_SIZE - 1];
}

/** GET_PORT_STATUS (4.2.2). */
export function getStatus(interfaceNumber: number): [ControlSetup, number] {
  return [{ requestType: 0xa1, request: 1, value: 0, index: interfaceNumber }, 1];
}

/** SOFT_RESET, to the recipient "other", as version 1.0 of the class had it and the kernel still does. */
export function softReset(interfaceNumber: number): ControlSetup {
  return { requestType: 0x23, request: 2, value: 0, index: interfaceNumber };
}

/** HP's, of the vendor: the channel that takes effect comes back. */
export function setHpChannel(interfaceNumber: number, channel: number): [ControlSetup, number] {
  return [{ requestType: 0xc1, request: 0, value: channel & 0xffff, index: interfaceNumber }, 1];
}

/**
 * What a program gets of an answer to GET_DEVICE_ID: as long as its first two bytes say, which count themselves
 * (usblp_cache_device_id_string()); zeroes where the printer sent less.
 */
export function deviceIdOf(answer: Uint8Array): Uint8Array {
  const said = ((answer[0] ?? 0) << 8) | (answer[1] ?? 0);
  const id = new Uint8Array(Math.min(Math.max(said, 2), DEVICE_ID_SIZE - 1));
  id.set(answer.subarray(0, id.length));
  return id;
}
