// @devlift/usb/virtual: hardware for tests. Virtual devices, and a bus in this process to plug them into.

export * from "./fake.ts";
export * from "./virtual-device.ts";
export { VirtualQueue } from "./virtual-queue.ts";
