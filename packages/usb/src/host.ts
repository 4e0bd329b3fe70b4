// From an address to its host.
// Stateless.

import { LibusbHost } from "./libusb/host.ts";
import type { UsbHost } from "./transport.ts";
import type { UsbAddress } from "./usbip/address.ts";
import { UsbipHost } from "./usbip/host.ts";

/** Opens nothing yet: watch() does. */
export function openUsbHost(address: UsbAddress): UsbHost {
  return address.kind === "libusb" ? new LibusbHost() : new UsbipHost(address);
}
