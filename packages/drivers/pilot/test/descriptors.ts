// Descriptors for tests, written as bytes so that the real parser reads them.

import {
  type ConfigurationDescriptor,
  type DeviceDescriptor,
  parseConfigurationDescriptor,
  parseDeviceDescriptor,
} from "@devlift/usb";

export interface Interface {
  /** bEndpointAddress of bulk endpoints, in order. */
  readonly bulk?: readonly number[];
  readonly interrupt?: readonly number[];
  readonly interfaceClass?: number;
  readonly packetSize?: number;
}

export interface Identity {
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceClass?: number;
  readonly deviceSubClass?: number;
}

/** Two ports, as most handhelds have them. */
export const TWO_PORTS: Interface = { bulk: [0x81, 0x82, 0x01, 0x02] };

export function deviceBytes({ vendorId, productId, deviceClass = 0, deviceSubClass = 0 }: Identity): Uint8Array {
  const bytes = [18, 1, 0x10, 1, deviceClass, deviceSubClass, 0, 64, ...le16(vendorId), ...le16(productId)];
  return Uint8Array.of(...bytes, 0, 1, 0, 0, 0, 1);
}

export function configurationBytes(interfaces: readonly Interface[], value = 1): Uint8Array {
  const body = interfaces.flatMap(({ bulk = [], interrupt = [], interfaceClass = 0xff, packetSize = 64 }, number) => [
    ...[9, 4, number, 0, bulk.length + interrupt.length, interfaceClass, 0, 0, 0],
    ...bulk.flatMap((address) => [7, 5, address, 2, ...le16(packetSize), 0]),
    ...interrupt.flatMap((address) => [7, 5, address, 3, ...le16(packetSize), 10]),
  ]);
  return Uint8Array.of(9, 2, ...le16(9 + body.length), interfaces.length, value, 0, 0xc0, 50, ...body);
}

export function device(identity: Identity): DeviceDescriptor {
  return parseDeviceDescriptor(deviceBytes(identity));
}

export function configuration(...interfaces: readonly Interface[]): ConfigurationDescriptor {
  return parseConfigurationDescriptor(configurationBytes(interfaces));
}

function le16(value: number): readonly [number, number] {
  return [value & 0xff, value >> 8];
}
