// What is plugged in, from sysfs: Documentation/ABI/testing/sysfs-bus-usb.

import type { UsbHardware } from "@devlift/daemon";
import type { Machine } from "./machine.ts";

export interface PluggedIn {
  /** The bus's name for it: "1-4". */
  readonly place: string;
  /** "0830:0061", as lsusb writes it. */
  readonly id: string;
  /** What it says it is; undefined when it says nothing. */
  readonly product: string | undefined;
  /** Its node: /dev/bus/usb/001/004. */
  readonly node: string;
  /** Drivers of the kernel that have one of its interfaces; "usbfs" is a program. */
  readonly drivers: readonly string[];
  /** Class, subclass and protocol of each of its interfaces: "070102". */
  readonly interfaces: readonly string[];
}

const DEVICES = "/sys/bus/usb/devices";

export function pluggedIn(machine: Machine): readonly PluggedIn[] {
  const names = machine.names(DEVICES);
  return names.flatMap((place) => {
    const vendor = attribute(machine, place, "idVendor");
    const product = attribute(machine, place, "idProduct");
    if (vendor === undefined || product === undefined) return [];
    const interfaces = names.filter((name) => name.startsWith(`${place}:`));
    const drivers = interfaces.flatMap((name) => machine.link(`${DEVICES}/${name}/driver`)?.split("/").at(-1) ?? []);
    return {
      place,
      id: `${vendor}:${product}`,
      product: attribute(machine, place, "product"),
      node: `/dev/bus/usb/${threeDigits(machine, place, "busnum")}/${threeDigits(machine, place, "devnum")}`,
      drivers: [...new Set(drivers)],
      interfaces: interfaces.map((name) => KIND.map((part) => attribute(machine, name, part) ?? "").join("")),
    };
  });
}

const KIND = ["bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"];

/** Whether a device is of a driver's hardware. */
export function isServed(device: PluggedIn, usb: UsbHardware): boolean {
  return usb.ids.includes(device.id) || device.interfaces.some((one) => usb.interfaces?.includes(one));
}

function attribute(machine: Machine, place: string, name: string): string | undefined {
  return machine.text(`${DEVICES}/${place}/${name}`)?.trim();
}

function threeDigits(machine: Machine, place: string, name: string): string {
  return (attribute(machine, place, name) ?? "").padStart(3, "0");
}
