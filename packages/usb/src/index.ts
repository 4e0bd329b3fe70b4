// The public API of @devlift/usb. Importing it loads no native code: libusb comes in when a libusb host watches.
// Virtual hardware for tests is in @devlift/usb/virtual.

export * from "./descriptors.ts";
export * from "./errors.ts";
export { openUsbHost } from "./host.ts";
export { LibusbHost } from "./libusb/host.ts";
export { configuredValue, interfaceDriver } from "./libusb/sysfs.ts";
export { deviceErrorOf, PluggedIn, type Wanted } from "./plugged.ts";
export { REQUEST } from "./requests.ts";
export type * from "./transport.ts";
export * from "./urb.ts";
export { forgetKept } from "./usbfs/kept.ts";
export { KEEPER_SIZE } from "./usbfs/slots.ts";
export {
  formatUsbAddress,
  hostAndPort,
  parseUsbAddress,
  type UsbAddress,
  type UsbipAddress,
} from "./usbip/address.ts";
export { UsbipHost, type UsbipHostOptions } from "./usbip/host.ts";
export { listExportedDevices } from "./usbip/import.ts";
export * as usbipProtocol from "./usbip/protocol.ts";
export { type StreamParser, StreamReader } from "./usbip/stream.ts";
