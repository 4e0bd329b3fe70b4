// What /sys says about a USB device: its raw descriptors, which the kernel has read already and everybody may see, its
// active configuration, the drivers of its interfaces. Reading them needs neither an open nor libusb's own parser.
// Stateless. A device can vanish between any two reads: undefined then.

import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import {
  type ConfigurationDescriptor,
  configurationTotalLength,
  DEVICE_DESCRIPTOR_LENGTH,
  type DeviceDescriptor,
  parseConfigurationDescriptor,
  parseDeviceDescriptor,
} from "../descriptors.ts";

const DEVICES = "/sys/bus/usb/devices";

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
  const bytes = read(`${DEVICES}/${name}/descriptors`);
  const value = read(`${DEVICES}/${name}/bConfigurationValue`);
  if (bytes === undefined || value === undefined) return undefined;
  const descriptor = parseDeviceDescriptor(bytes.subarray(0, DEVICE_DESCRIPTOR_LENGTH));
  const active = Number(value.toString("latin1"));
  return { descriptor, configuration: active > 0 ? findConfiguration(bytes, active) : undefined };
}

/** The kernel driver of an interface, e.g. "visor"; "usbfs" when a program has claimed it; undefined when nothing has. */
export function interfaceDriver(name: string, configuration: number, interfaceNumber: number): string | undefined {
  try {
    return basename(readlinkSync(`${DEVICES}/${name}:${configuration}.${interfaceNumber}/driver`));
  } catch {
    return undefined;
  }
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

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
