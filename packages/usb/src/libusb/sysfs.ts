// What /sys says about a USB device: its raw descriptors, which the kernel has read already and everybody may see, its
// active configuration, the drivers of its interfaces. Reading them needs neither an open nor libusb's own parser.
// Stateless. A device can vanish between any two reads: undefined then.
//
// Not read here: bConfigurationValue and its like, whose reader waits for the device's lock (drivers/usb/core/sysfs.c),
// that is while the kernel talks to the device, seconds with a bad one. The names of the interfaces tell the same.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import {
  type ConfigurationDescriptor,
  configurationTotalLength,
  DEVICE_DESCRIPTOR_LENGTH,
  type DeviceDescriptor,
  parseConfigurationDescriptor,
  parseDeviceDescriptor,
} from "../descriptors.ts";

export const DEVICES = "/sys/bus/usb/devices";

export interface SysfsDescriptors {
  readonly descriptor: DeviceDescriptor;
  /** undefined while, or when, the kernel has not configured the device. */
  readonly configuration: ConfigurationDescriptor | undefined;
}

/**
 * @param name as in /sys/bus/usb/devices: "3-1.2"
 * @returns undefined when the device is not there (any more)
 * @throws UsbError("descriptor")
 */
export function readDescriptors(name: string): SysfsDescriptors | undefined {
  const bytes = unlessGone(() => readFileSync(`${DEVICES}/${name}/descriptors`));
  if (bytes === undefined) return undefined;
  const descriptor = parseDeviceDescriptor(bytes.subarray(0, DEVICE_DESCRIPTOR_LENGTH));
  const active = configuredValue(name);
  return { descriptor, configuration: active === undefined ? undefined : findConfiguration(bytes, active) };
}

/** bConfigurationValue of a device, once it is configured. Never waits. */
export function configuredValue(name: string): number | undefined {
  const entries = unlessGone(() => readdirSync(`${DEVICES}/${name}`)) ?? [];
  // NAME:CONFIGURATION.INTERFACE
  const [first] = entries.filter((entry) => entry.startsWith(`${name}:`));
  return first === undefined ? undefined : Number.parseInt(first.slice(name.length + 1), 10);
}

/** The kernel driver of an interface, e.g. "visor"; "usbfs" when a program has claimed it; undefined when nothing has. */
export function interfaceDriver(name: string, configuration: number, interfaceNumber: number): string | undefined {
  return unlessGone(() => basename(readlinkSync(`${DEVICES}/${name}:${configuration}.${interfaceNumber}/driver`)));
}

/** The configurations stand behind the device descriptor, each of its wTotalLength (drivers/usb/core/sysfs.c). */
function findConfiguration(bytes: Buffer, active: number): ConfigurationDescriptor | undefined {
  let rest = bytes.subarray(DEVICE_DESCRIPTOR_LENGTH);
  while (rest.length > 0) {
    const total = configurationTotalLength(rest);
    // bConfigurationValue; only the active one has to be valid.
    if (rest[5] === active) return parseConfigurationDescriptor(rest);
    rest = rest.subarray(total);
  }
  return undefined;
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
