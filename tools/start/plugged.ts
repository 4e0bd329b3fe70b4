// Whether a handheld is plugged into this machine, by what sysfs shows to everybody. Stateless.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MODELS } from "@devlift/pilot";

const DEVICES = "/sys/bus/usb/devices";

/**
 * E.g. "Palm m505 on USB 1-4"; undefined when there is none. Ids that other phones have too do not count:
 * devlift-pilot looks closer at those, with `--usb libusb`.
 */
export function findHandheld(folder = DEVICES): string | undefined {
  for (const name of entriesOf(folder)) {
    const [vendorId, productId] = [readId(folder, name, "idVendor"), readId(folder, name, "idProduct")];
    const model = MODELS.find((it) => it.vendorId === vendorId && it.productId === productId && it.only === undefined);
    if (model !== undefined) return `${model.name} on USB ${name}`;
  }
  return undefined;
}

/** Empty where the kernel has no USB. */
function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** NaN for what has none (an interface, a device just unplugged). */
function readId(folder: string, name: string, attribute: string): number {
  try {
    return Number.parseInt(readFileSync(join(folder, name, attribute), "latin1"), 16);
  } catch {
    return Number.NaN;
  }
}
