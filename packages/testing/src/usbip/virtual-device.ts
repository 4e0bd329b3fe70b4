// What a virtual USB device implements: defined in @devlift/usb, whose in-process fake serves the same objects.

export { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";
