// The libusb host where libusb cannot be loaded or started. What it does with devices is tested on a real kernel.

import { afterEach, describe, expect, it, vi } from "vitest";

const listener = { attached: () => {}, detached: () => {}, trouble: () => {} };

afterEach(() => {
  vi.doUnmock("usb");
  vi.resetModules();
});

/** @param binding stands in for the npm package; @returns what watch() throws */
async function watchWith(binding: object): Promise<unknown> {
  vi.doMock("usb", () => binding);
  const { LibusbHost } = await import("../src/libusb/host.ts");
  return await new LibusbHost().watch(listener).catch((error: unknown) => error);
}

describe("a libusb host", () => {
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
