// Addresses as a person writes them.

import { describe, expect, it } from "vitest";
import { UsbUsageError } from "../src/errors.ts";
import { formatUsbAddress, parseUsbAddress } from "../src/usbip/address.ts";

describe("a USB address", () => {
  it.each([
    ["libusb", { kind: "libusb" }, "libusb"],
    ["usbip://shelf/1-1.4", { kind: "usbip", host: "shelf", port: 3240, busid: "1-1.4" }, "usbip://shelf:3240/1-1.4"],
    ["usbip://127.0.0.1:4000/3-2", { kind: "usbip", host: "127.0.0.1", port: 4000, busid: "3-2" }, undefined],
    ["usbip://[::1]:1/usbip-vudc.0", { kind: "usbip", host: "::1", port: 1, busid: "usbip-vudc.0" }, undefined],
  ])("%s is read, and written again", (text, address, written) => {
    const parsed = parseUsbAddress(text);
    expect(parsed).toEqual(address);
    expect(formatUsbAddress(parsed)).toBe(written ?? text);
    expect(parseUsbAddress(formatUsbAddress(parsed))).toEqual(parsed);
  });

  it.each([
    ["", "neither libusb nor usbip"],
    ["/dev/ttyUSB0", "neither libusb nor usbip"],
    ["usbip:///1-1", "HOST is missing"],
    ["usbip://host", "BUSID is missing"],
    ["usbip://host/", "BUSID is missing"],
    ["usbip://host:0/1-1", "PORT must be"],
    ["usbip://host:70000/1-1", "HOST or PORT cannot be read"],
    ["usbip://me@host/1-1", "no user"],
    ["usbip://host/1-1?x", "no user, query"],
    ["usbip://[fe80::1%eth0]/1-1", "no zone"],
    ["usbip://[fe80::1%25eth0]/1-1", "no zone"],
    ["usbip://tür/1-1", "plain ASCII"],
    ["usbip://a b/1-1", "plain ASCII"],
    ["usbip://host/1-1/2", '"1-1/2" is no BUSID'],
    [`usbip://host/${"1".repeat(32)}`, "is no BUSID"],
  ])("%s is refused", (text, message) => {
    expect(() => parseUsbAddress(text)).toThrow(UsbUsageError);
    expect(() => parseUsbAddress(text)).toThrow(message);
  });
});
