// The public API of @devlift/usb. Importing it loads no native code: libusb comes in when a libusb host watches.

export * from "./descriptors.ts";
export * from "./errors.ts";
export type * from "./transport.ts";
export * from "./virtual-device.ts";
