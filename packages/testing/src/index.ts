// The public API of @devlift/testing: virtual USB hardware, and clients.

export { LOOPBACK, LoopbackDevice, type LoopbackOptions, VENDOR } from "./usbip/loopback-device.ts";
export { UsbipServer, type UsbipServerOptions } from "./usbip/server.ts";
export { startUdevd } from "./usbip/udevd.ts";
export { VhciPort, type VhciServer, waitFor } from "./usbip/vhci.ts";
export * from "./usbip/virtual-device.ts";
