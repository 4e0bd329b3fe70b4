// The descriptor parser: golden descriptors, each refusal by name, and no crash on a few thousand mutated inputs.

import { describe, expect, it } from "vitest";
import { configurationTotalLength, parseConfigurationDescriptor, parseDeviceDescriptor } from "../src/descriptors.ts";
import { UsbError } from "../src/errors.ts";

const DEVICE = Uint8Array.of(
  ...[18, 1], // bLength, DEVICE
  ...[0x10, 0x01], // bcdUSB 1.10
  ...[0, 0, 0, 64], // class per interface, bMaxPacketSize0
  ...[0x30, 0x08, 0x60, 0x00, 0x00, 0x01], // 0830:0060, bcdDevice 1.00
  ...[1, 2, 5, 1], // strings, bNumConfigurations
);

const CONFIGURATION_HEAD = [9, 2, 0, 0, 2, 1, 0, 0xc0, 50];
const INTERFACE_0 = [9, 4, 0, 0, 2, 0xff, 1, 2, 0];
const BULK_IN = [7, 5, 0x81, 2, 64, 0, 0];
/** wMaxPacketSize with a high-speed endpoint's bits 12..11 set: 2 additional transactions of 512 bytes. */
const INTERRUPT_OUT = [7, 5, 0x02, 3, 0x00, 0x12, 4];
const CLASS_SPECIFIC = [5, 0x24, 0x00, 0x10, 0x01];
const INTERFACE_3 = [9, 4, 3, 0, 0, 1, 1, 0, 0];
const INTERFACE_3_ALT_1 = [9, 4, 3, 1, 1, 1, 1, 0, 0];
/** An audio endpoint: isochronous, nine bytes, no bandwidth. */
const ISO_IN = [9, 5, 0x83, 1, 0, 0, 1, 0, 0];
const PARTS = [
  CONFIGURATION_HEAD,
  INTERFACE_0,
  CLASS_SPECIFIC,
  BULK_IN,
  INTERRUPT_OUT,
  INTERFACE_3,
  INTERFACE_3_ALT_1,
  ISO_IN,
];

/** @param parts with wTotalLength filled in */
function configuration(parts: readonly (readonly number[])[]): Uint8Array {
  const bytes = Uint8Array.from(parts.flat());
  bytes[2] = bytes.length & 0xff;
  bytes[3] = bytes.length >> 8;
  return bytes;
}

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(UsbError);
    expect(error).toMatchObject({ code: "descriptor" });
    return error instanceof UsbError ? error.message : "";
  }
  return expect.fail("it was accepted");
}

describe("a device descriptor", () => {
  it("is parsed field by field", () => {
    expect(parseDeviceDescriptor(DEVICE)).toEqual({
      usbVersion: 0x0110,
      deviceClass: 0,
      deviceSubClass: 0,
      deviceProtocol: 0,
      maxPacketSize0: 64,
      vendorId: 0x0830,
      productId: 0x0060,
      deviceVersion: 0x0100,
      manufacturerIndex: 1,
      productIndex: 2,
      serialNumberIndex: 5,
      configurationCount: 1,
    });
  });

  it.each([
    ["short", DEVICE.subarray(0, 17), "17 bytes, not 18"],
    ["empty", new Uint8Array(0), "0 bytes"],
    ["bLength 0", DEVICE.with(0, 0), "bLength 0"],
    ["bLength past the end", DEVICE.with(0, 19), "bLength 19"],
    ["another type", DEVICE.with(1, 2), "bDescriptorType 2"],
    ["odd bMaxPacketSize0", DEVICE.with(7, 7), "bMaxPacketSize0 7"],
    ["no configuration", DEVICE.with(17, 0), "no configuration"],
  ])("is refused when %s", (_, bytes, message) => {
    expect(refusal(() => parseDeviceDescriptor(bytes))).toContain(message);
  });
});

describe("a configuration descriptor", () => {
  it("is parsed with its interfaces, alternate settings and endpoints; class-specific parts are skipped", () => {
    const bytes = configuration(PARTS);
    expect(configurationTotalLength(bytes.subarray(0, 9))).toBe(64);
    const classes = { interfaceClass: 1, interfaceSubClass: 1, interfaceProtocol: 0, descriptorIndex: 0 };
    const expected = {
      value: 1,
      attributes: 0xc0,
      maxPower: 50,
      interfaces: [
        {
          number: 0,
          alternates: [
            {
              setting: 0,
              interfaceClass: 0xff,
              interfaceSubClass: 1,
              interfaceProtocol: 2,
              descriptorIndex: 0,
              endpoints: [
                { address: 0x81, number: 1, direction: "in", type: "bulk", maxPacketSize: 64, interval: 0 },
                { address: 0x02, number: 2, direction: "out", type: "interrupt", maxPacketSize: 512, interval: 4 },
              ],
            },
          ],
        },
        {
          number: 3,
          alternates: [
            { setting: 0, ...classes, endpoints: [] },
            {
              setting: 1,
              ...classes,
              endpoints: [
                { address: 0x83, number: 3, direction: "in", type: "isochronous", maxPacketSize: 0, interval: 1 },
              ],
            },
          ],
        },
      ],
    };
    expect(parseConfigurationDescriptor(bytes)).toEqual(expected);
    expect(parseConfigurationDescriptor(Uint8Array.of(...bytes, 1, 2, 3))).toEqual(expected);
  });

  const one = [...CONFIGURATION_HEAD.slice(0, 4), 1, ...CONFIGURATION_HEAD.slice(5)];
  const bare = [9, 4, 0, 0, 1, 0xff, 0, 0, 0];
  it.each([
    ["its end is missing", configuration(PARTS).subarray(0, 63), "63 bytes but wTotalLength says 64"],
    ["wTotalLength is less than its head", configuration(PARTS).with(2, 8), "wTotalLength 8"],
    ["its value is 0", configuration(PARTS).with(5, 0), "bConfigurationValue 0"],
    ["it is another descriptor", configuration(PARTS).with(1, 4), "bDescriptorType 4"],
    ["a bLength is 0", configuration([one, [...INTERFACE_0], [0, 5]]), "bLength 0 at byte 18"],
    [
      "a bLength is past the end",
      configuration([one, bare, [8, 5, 0x81, 2, 64, 0, 0]]),
      "7 bytes of the configuration",
    ],
    ["an interface is cut short", configuration([one, [8, 4, 0, 0, 0, 0, 0, 0]]), "8 bytes, not 9"],
    ["an endpoint is cut short", configuration([one, bare, [6, 5, 0x81, 2, 64, 0]]), "6 bytes, not 7"],
    ["an interface is missing", configuration([CONFIGURATION_HEAD, bare, BULK_IN]), "bNumInterfaces says 2"],
    ["an endpoint is missing", configuration([one, INTERFACE_0, BULK_IN]), "1 endpoints but bNumEndpoints says 2"],
    ["an endpoint is too many", configuration([one, bare, BULK_IN, INTERRUPT_OUT]), "bNumEndpoints says 1"],
    ["an endpoint comes first", configuration([one, BULK_IN, bare]), "before any interface"],
    ["an endpoint comes twice", configuration([one, INTERFACE_0, BULK_IN, BULK_IN]), "0x81 at byte 25 is a duplicate"],
    [
      "two interfaces share an endpoint",
      configuration([CONFIGURATION_HEAD, bare, BULK_IN, [9, 4, 1, 0, 1, 0xff, 0, 0, 0], BULK_IN]),
      "duplicate",
    ],
    ["an alternate setting comes twice", configuration([one, bare, BULK_IN, bare, BULK_IN]), "setting 0 twice"],
    ["alternate setting 0 is missing", configuration([one, [9, 4, 0, 1, 0, 0, 0, 0, 0]]), "no alternate setting 0"],
    ["an endpoint is number 0", configuration([one, bare, [7, 5, 0x80, 2, 64, 0, 0]]), "invalid address 0x80"],
    ["an address has reserved bits", configuration([one, bare, [7, 5, 0x91, 2, 64, 0, 0]]), "invalid address 0x91"],
    ["a bulk endpoint has no packet", configuration([one, bare, [7, 5, 0x81, 2, 0, 0, 0]]), "wMaxPacketSize 0"],
    ["a packet is too big", configuration([one, bare, [7, 5, 0x81, 2, 1, 4, 0]]), "wMaxPacketSize 1025"],
    ["a configuration is inside", configuration([one, [9, 2, 9, 0, 0, 1, 0, 0, 0]]), "type 2 at byte 9"],
  ])("is refused when %s", (_, bytes, message) => {
    expect(refusal(() => parseConfigurationDescriptor(bytes))).toContain(message);
  });
});

describe("hostile descriptors", () => {
  /** xorshift32: the same inputs in every run. */
  function random(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
  }

  function survives(bytes: Uint8Array): boolean {
    let accepted = false;
    for (const parse of [parseDeviceDescriptor, parseConfigurationDescriptor, configurationTotalLength]) {
      try {
        parse(bytes);
        accepted = true;
      } catch (error) {
        if (!(error instanceof UsbError)) throw error;
        expect(error.code).toBe("descriptor");
      }
    }
    return accepted;
  }

  it("are accepted or refused, never anything else: 10,000 mutated and random ones", () => {
    const next = random(0x5eed);
    const good = [DEVICE, configuration(PARTS)] as const;
    let accepted = 0;
    for (let round = 0; round < 10_000; round++) {
      let bytes = Uint8Array.from(good[next(2)] ?? DEVICE);
      if (round % 4 === 0) bytes = Uint8Array.from({ length: next(80) }, () => next(256));
      for (let change = next(4); change > 0 && bytes.length > 0; change--) bytes[next(bytes.length)] = next(256);
      if (round % 3 === 0) bytes = bytes.subarray(0, next(bytes.length + 1));
      if (survives(bytes)) accepted++;
    }
    // The mutations are mild enough that the parser gets deep.
    expect(accepted).toBeGreaterThan(1000);
    expect(accepted).toBeLessThan(9000);
  });
});
