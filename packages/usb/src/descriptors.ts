// Device and configuration descriptors (USB 2.0, 9.6), and the strict parser that makes them from a device's bytes.
// Plain immutable values: they are made once, when a device appears, and live as long as whoever holds them.
//
// A device's bytes are hostile. What would make a driver index past an array or talk to the wrong endpoint is refused
// (missing endpoints were two CVEs of the kernel's visor driver). What real devices do and Linux tolerates as well
// (drivers/usb/core/config.c) is accepted:
// - class-specific, vendor-specific, interface-association and unknown descriptors are stepped over;
// - standard descriptors may be longer than the specification's (audio endpoints have 9 bytes);
// - interface numbers may have gaps, alternate settings may come in any order;
// - bytes behind wTotalLength are ignored.

import { UsbError } from "./errors.ts";

export interface DeviceDescriptor {
  /** bcdUSB, e.g. 0x0110. */
  readonly usbVersion: number;
  readonly deviceClass: number;
  readonly deviceSubClass: number;
  readonly deviceProtocol: number;
  /** bMaxPacketSize0 in bytes; for a SuperSpeed device its exponent, 9. */
  readonly maxPacketSize0: number;
  readonly vendorId: number;
  readonly productId: number;
  /** bcdDevice, the device's release. */
  readonly deviceVersion: number;
  /** String indices; 0 is "none". */
  readonly manufacturerIndex: number;
  readonly productIndex: number;
  readonly serialNumberIndex: number;
  /** At least 1. */
  readonly configurationCount: number;
}

export interface ConfigurationDescriptor {
  /** bConfigurationValue, at least 1. */
  readonly value: number;
  readonly attributes: number;
  /** bMaxPower as it is in the descriptor: units of 2 mA (8 mA for SuperSpeed). */
  readonly maxPower: number;
  /** In the order of their first appearance, each number once. */
  readonly interfaces: readonly InterfaceDescriptor[];
}

export interface InterfaceDescriptor {
  /** bInterfaceNumber. */
  readonly number: number;
  /** In the order of appearance; exactly one has setting 0. */
  readonly alternates: readonly AlternateSetting[];
}

export interface AlternateSetting {
  /** bAlternateSetting; 0 is active after SET_CONFIGURATION. */
  readonly setting: number;
  readonly interfaceClass: number;
  readonly interfaceSubClass: number;
  readonly interfaceProtocol: number;
  readonly descriptorIndex: number;
  /** In the order of appearance, each address once. */
  readonly endpoints: readonly EndpointDescriptor[];
}

export type EndpointDirection = "in" | "out";
export type EndpointType = "control" | "isochronous" | "bulk" | "interrupt";

export interface EndpointDescriptor {
  /** bEndpointAddress with its direction bit: 0x81 is IN 1, 0x01 is OUT 1. */
  readonly address: number;
  /** 1..15. */
  readonly number: number;
  readonly direction: EndpointDirection;
  readonly type: EndpointType;
  /** Bytes, 1..1024 (0 only for isochronous). */
  readonly maxPacketSize: number;
  /** bInterval as it is in the descriptor. */
  readonly interval: number;
}

/** bDescriptorType (USB 2.0, table 9-5). */
export const DESCRIPTOR_TYPE = {
  DEVICE: 1,
  CONFIGURATION: 2,
  STRING: 3,
  INTERFACE: 4,
  ENDPOINT: 5,
} as const;

export const DEVICE_DESCRIPTOR_LENGTH = 18;
/** The fixed head of a configuration descriptor, which carries wTotalLength. */
export const CONFIGURATION_HEADER_LENGTH = 9;
const INTERFACE_LENGTH = 9;
const ENDPOINT_LENGTH = 7;
const ENDPOINT_TYPES: readonly EndpointType[] = ["control", "isochronous", "bulk", "interrupt"];

/** @throws UsbError("descriptor") when the bytes are no valid device descriptor */
export function parseDeviceDescriptor(bytes: Uint8Array): DeviceDescriptor {
  const view = header(bytes, "device descriptor", DESCRIPTOR_TYPE.DEVICE, DEVICE_DESCRIPTOR_LENGTH);
  const maxPacketSize0 = view.getUint8(7);
  if (![8, 9, 16, 32, 64].includes(maxPacketSize0))
    fail(`the device descriptor gives bMaxPacketSize0 ${maxPacketSize0}, not 8, 16, 32, 64 or 9 (SuperSpeed)`);
  const configurationCount = view.getUint8(17);
  if (configurationCount === 0) fail("the device descriptor says that there is no configuration");
  return {
    usbVersion: view.getUint16(2, true),
    deviceClass: view.getUint8(4),
    deviceSubClass: view.getUint8(5),
    deviceProtocol: view.getUint8(6),
    maxPacketSize0,
    vendorId: view.getUint16(8, true),
    productId: view.getUint16(10, true),
    deviceVersion: view.getUint16(12, true),
    manufacturerIndex: view.getUint8(14),
    productIndex: view.getUint8(15),
    serialNumberIndex: view.getUint8(16),
    configurationCount,
  };
}

/**
 * wTotalLength from the first nine bytes of a configuration: what to ask for next.
 * @throws UsbError("descriptor")
 */
export function configurationTotalLength(bytes: Uint8Array): number {
  const view = header(bytes, "configuration descriptor", DESCRIPTOR_TYPE.CONFIGURATION, CONFIGURATION_HEADER_LENGTH);
  const total = view.getUint16(2, true);
  if (total < view.getUint8(0)) fail(`the configuration's wTotalLength ${total} is less than its own bLength`);
  return total;
}

/**
 * Parses a whole configuration as GET_DESCRIPTOR(CONFIGURATION) answers it.
 * @throws UsbError("descriptor") with the byte offset of what is wrong
 */
export function parseConfigurationDescriptor(bytes: Uint8Array): ConfigurationDescriptor {
  const total = configurationTotalLength(bytes);
  if (bytes.length < total) fail(`the configuration has ${bytes.length} bytes but wTotalLength says ${total}`);
  const view = viewOf(bytes.subarray(0, total));
  const value = view.getUint8(5);
  if (value === 0) fail("the configuration has bConfigurationValue 0, which means 'not configured'");

  const builder = new InterfacesBuilder();
  let offset = view.getUint8(0);
  while (offset < total) {
    const left = total - offset;
    const length = view.getUint8(offset);
    if (length < 2) fail(`bLength ${length} at byte ${offset} of the configuration is less than 2`);
    if (length > left)
      fail(`the descriptor at byte ${offset} has bLength ${length}, but ${left} bytes of the configuration are left`);
    const descriptor = new DataView(view.buffer, view.byteOffset + offset, length);
    const type = descriptor.getUint8(1);
    if (type === DESCRIPTOR_TYPE.INTERFACE) builder.addInterface(descriptor, offset);
    else if (type === DESCRIPTOR_TYPE.ENDPOINT) builder.addEndpoint(descriptor, offset);
    else if (type === DESCRIPTOR_TYPE.DEVICE || type === DESCRIPTOR_TYPE.CONFIGURATION)
      fail(`a descriptor of type ${type} at byte ${offset} does not belong inside a configuration`);
    offset += length;
  }
  const interfaces = builder.finish(view.getUint8(4));
  return { value, attributes: view.getUint8(7), maxPower: view.getUint8(8), interfaces };
}

interface OpenAlternate extends AlternateSetting {
  readonly endpoints: EndpointDescriptor[];
  /** bNumEndpoints, checked when the next interface begins. */
  readonly expected: number;
  readonly interfaceNumber: number;
}

/** Collects interfaces and endpoints in the order of the bytes; lives during one parse. */
class InterfacesBuilder {
  readonly #interfaces = new Map<number, AlternateSetting[]>();
  /** Which interface owns an endpoint address: alternate settings of one interface share it, others must not. */
  readonly #owners = new Map<number, number>();
  #open: OpenAlternate | undefined;

  addInterface(view: DataView, offset: number): void {
    this.#close();
    if (view.byteLength < INTERFACE_LENGTH)
      fail(`the interface descriptor at byte ${offset} has ${view.byteLength} bytes, not ${INTERFACE_LENGTH}`);
    const interfaceNumber = view.getUint8(2);
    const setting = view.getUint8(3);
    const alternates = this.#interfaces.get(interfaceNumber) ?? [];
    if (alternates.some((other) => other.setting === setting))
      fail(`interface ${interfaceNumber} has alternate setting ${setting} twice`);
    this.#open = {
      interfaceNumber,
      setting,
      expected: view.getUint8(4),
      interfaceClass: view.getUint8(5),
      interfaceSubClass: view.getUint8(6),
      interfaceProtocol: view.getUint8(7),
      descriptorIndex: view.getUint8(8),
      endpoints: [],
    };
    this.#interfaces.set(interfaceNumber, alternates);
  }

  addEndpoint(view: DataView, offset: number): void {
    const open = this.#open;
    if (open === undefined) fail(`the endpoint descriptor at byte ${offset} comes before any interface`);
    if (view.byteLength < ENDPOINT_LENGTH)
      fail(`the endpoint descriptor at byte ${offset} has ${view.byteLength} bytes, not ${ENDPOINT_LENGTH}`);
    const endpoint = endpointFrom(view, offset);
    const owner = this.#owners.get(endpoint.address);
    if (
      open.endpoints.some((other) => other.address === endpoint.address) ||
      (owner ?? open.interfaceNumber) !== open.interfaceNumber
    )
      fail(`endpoint 0x${hex(endpoint.address)} at byte ${offset} is a duplicate`);
    this.#owners.set(endpoint.address, open.interfaceNumber);
    open.endpoints.push(endpoint);
  }

  finish(expected: number): readonly InterfaceDescriptor[] {
    this.#close();
    const interfaces = [...this.#interfaces].map(([number, alternates]) => ({ number, alternates }));
    if (interfaces.length !== expected)
      fail(`the configuration has ${interfaces.length} interfaces but bNumInterfaces says ${expected}`);
    for (const { number, alternates } of interfaces)
      if (!alternates.some((alternate) => alternate.setting === 0))
        fail(`interface ${number} has no alternate setting 0`);
    return interfaces;
  }

  #close(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { expected, interfaceNumber, ...alternate } = open;
    if (alternate.endpoints.length !== expected)
      fail(
        `interface ${interfaceNumber} has ${alternate.endpoints.length} endpoints but bNumEndpoints says ${expected}`,
      );
    this.#interfaces.get(interfaceNumber)?.push(alternate);
  }
}

function endpointFrom(view: DataView, offset: number): EndpointDescriptor {
  const address = view.getUint8(2);
  const number = address & 0x0f;
  // Bits 6..4 are reserved; Linux drops such an endpoint (usb_parse_endpoint).
  if (number === 0 || (address & 0x70) !== 0)
    fail(`the endpoint at byte ${offset} has the invalid address 0x${hex(address)}`);
  const type = ENDPOINT_TYPES[view.getUint8(3) & 0x03] ?? "control";
  // Bits 12..11 are a high-speed endpoint's additional transactions a microframe, not a size.
  const maxPacketSize = view.getUint16(4, true) & 0x07ff;
  if (maxPacketSize > 1024 || (maxPacketSize === 0 && type !== "isochronous"))
    fail(`endpoint 0x${hex(address)} has the invalid wMaxPacketSize ${maxPacketSize}`);
  const direction = (address & 0x80) !== 0 ? "in" : "out";
  return { address, number, direction, type, maxPacketSize, interval: view.getUint8(6) };
}

function header(bytes: Uint8Array, what: string, type: number, minimum: number): DataView {
  if (bytes.length < minimum) fail(`the ${what} has ${bytes.length} bytes, not ${minimum}`);
  const view = viewOf(bytes);
  const length = view.getUint8(0);
  if (length < minimum || length > bytes.length)
    fail(`the ${what} has bLength ${length}; ${minimum} to ${bytes.length} are possible`);
  if (view.getUint8(1) !== type) fail(`the ${what} has bDescriptorType ${view.getUint8(1)}, not ${type}`);
  return view;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function fail(sentence: string): never {
  throw new UsbError("descriptor", sentence);
}
