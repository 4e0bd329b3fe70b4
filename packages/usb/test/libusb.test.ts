// The libusb host where libusb cannot be loaded or started. What it does with devices is tested on a real kernel.

import { afterEach, describe, expect, it, vi } from "vitest";
import type { UsbDevice } from "../src/transport.ts";

const listener = { attached: () => {}, detached: () => {}, trouble: () => {} };

afterEach(() => {
  vi.doUnmock("usb");
  vi.doUnmock("node:fs");
  vi.resetModules();
});

/** @param binding stands in for the npm package; @returns what watch() throws */
async function watchWith(binding: object): Promise<unknown> {
  vi.doMock("usb", () => binding);
  const { LibusbHost } = await import("../src/libusb/host.ts");
  return await new LibusbHost().watch(listener).catch((error: unknown) => error);
}

/** A machine whose /sys/bus/usb/devices has one configured device, 9-9, or is not there at all. */
function machineWith(device: object | undefined): object {
  const descriptors = [18, 1, 0, 2, 0, 0, 0, 64, 0x30, 8, 2, 0, 0, 1, 0, 0, 0, 1, 9, 2, 9, 0, 0, 1, 0, 0x80, 50];
  vi.doMock("node:fs", () => ({
    existsSync: (path: string) => device !== undefined || path !== "/sys/bus/usb/devices",
    readFileSync: () => Buffer.from(descriptors),
    readdirSync: () => ["9-9:1.0"],
  }));
  const getDeviceList = () => (device === undefined ? [] : [device]);
  return { usb: { INIT_ERROR: 0, on: () => {}, off: () => {}, getDeviceList } };
}

describe("a libusb host", () => {
  it("says that devices cannot be seen where /sys is missing", async () => {
    const binding = machineWith(undefined);
    vi.doMock("usb", () => binding);
    const { LibusbHost } = await import("../src/libusb/host.ts");
    const troubles: string[] = [];
    await new LibusbHost().watch({ ...listener, trouble: (error) => troubles.push(error.message) });
    expect(troubles).toEqual([expect.stringContaining("/sys/bus/usb/devices")]);
  });

  it("can open a device again whose close has failed", async () => {
    let closes = 0;
    const close = () => {
      if (++closes === 1) throw new RangeError("libusb says no");
    };
    const fake = { deviceDescriptor: { bDeviceClass: 0 }, busNumber: 9, portNumbers: [9], open: () => {}, close };
    const binding = machineWith(fake);
    vi.doMock("usb", () => binding);
    const { LibusbHost } = await import("../src/libusb/host.ts");
    const device = await new Promise<UsbDevice>((resolve) => {
      void new LibusbHost().watch({ ...listener, attached: resolve });
    });
    await expect((await device.open()).close()).rejects.toThrow("libusb says no");
    await (await device.open()).close();
    expect(closes).toBe(2);
  });

  it("names the package to install when libudev is missing", async () => {
    const error = await watchWith({
      get usb(): never {
        throw new TypeError("libudev.so.1: cannot open shared object file: No such file or directory");
      },
    });
    expect(error).toMatchObject({ name: "UsbError", code: "io" });
    expect(String(error)).toContain("apt install libudev1");
  });

  it("says what is missing when libusb does not start", async () => {
    const error = await watchWith({ usb: { INIT_ERROR: -99 } });
    expect(error).toMatchObject({ name: "UsbError", code: "io" });
    expect(String(error)).toContain("libusb cannot start (error -99)");
  });
});
