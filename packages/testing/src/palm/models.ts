// Handhelds as USB shows them: ids, endpoints, and what they answer to the vendor requests. Constant data. Facts:
// linux drivers/usb/serial/visor.c and visor.h (requests, quirks), pilot-link libpisock/usb.c. The endpoint numbers
// are ours where no source gives them; each model's shape (how many of which kind, in which order) is what counts.

import { concat, latin1Bytes } from "../hotsync-protocol/bytes.ts";
import type { Family } from "../hotsync-protocol/handshake.ts";
import { OS_PROFILES, type OsProfile } from "./profiles.ts";

/** bRequest of the vendor requests (visor.h), all with bmRequestType 0xc2. */
export const VENDOR_REQUEST = {
  BYTES_AVAILABLE: 0x01,
  CLOSE_NOTIFICATION: 0x02,
  CONNECTION_INFO: 0x03,
  EXT_CONNECTION_INFO: 0x04,
} as const;

export interface Endpoint {
  /** With 0x80 for IN, as in the descriptor. */
  readonly address: number;
  readonly type: "bulk" | "interrupt";
}

export interface PalmModel {
  readonly vendorId: number;
  readonly productId: number;
  readonly product: string;
  readonly manufacturer: string;
  readonly speed: "full" | "high";
  /** In the order of the descriptor, which is what the driver goes by. */
  readonly endpoints: readonly Endpoint[];
  /** Where the handheld does its HotSync: endpoint numbers 1..15. */
  readonly hotSync: { readonly in: number; readonly out: number };
  /** By bRequest. What is not here is stalled. */
  readonly answers: Readonly<Record<number, Uint8Array>>;
  /** What the requests answer until the HotSync button is pressed, where that differs. */
  readonly answersBefore?: Readonly<Record<number, Uint8Array>>;
  /** Sent once on this interrupt endpoint after each SET_CONFIGURATION. */
  readonly announcement?: { readonly endpoint: number; readonly data: Uint8Array };
  readonly family: Family;
  readonly profile: OsProfile;
}

export const VISOR_FUNCTION = { GENERIC: 0, DEBUGGER: 1, HOTSYNC: 2, CONSOLE: 3, REMOTE_FILE_SYSTEM: 4 } as const;

/** The answer to CONNECTION_INFO: le16 count, then function and port, always two of them. */
export function connectionInfo(count: number, ports: readonly (readonly [func: number, port: number])[]): Uint8Array {
  const [first = [0, 0], second = [0, 0]] = ports;
  return Uint8Array.of(count & 0xff, count >> 8, ...first, ...second);
}

export interface ExtPort {
  /** `cnys` is HotSync. */
  readonly creator: string;
  /** Endpoint number both ways, where they do not differ. */
  readonly port: number;
  readonly in?: number;
  readonly out?: number;
}

/** The answer to EXT_CONNECTION_INFO: 20 bytes, room for two ports. */
export function extConnectionInfo(ports: readonly ExtPort[]): Uint8Array {
  const different = ports.some((port) => port.in !== undefined);
  const entries = [0, 1].map((i) => {
    const port = ports[i];
    if (!port) return new Uint8Array(8);
    const endpoints = ((port.in ?? 0) << 4) | (port.out ?? 0);
    return concat([latin1Bytes(port.creator), Uint8Array.of(port.port, endpoints, 0, 0)]);
  });
  return concat([Uint8Array.of(ports.length, different ? 1 : 0, 0, 0), ...entries]);
}

const bulk = (...addresses: readonly number[]): Endpoint[] => addresses.map((address) => ({ address, type: "bulk" }));
const interrupt = (address: number): Endpoint => ({ address, type: "interrupt" });

const NOTHING_AVAILABLE = Uint8Array.of(0, 0);
/** CLOSE_NOTIFICATION is sent with length 0x12. */
const CLOSED = new Uint8Array(0x12);
const COMMON = {
  [VENDOR_REQUEST.BYTES_AVAILABLE]: NOTHING_AVAILABLE,
  [VENDOR_REQUEST.CLOSE_NOTIFICATION]: CLOSED,
} as const;

export const MODELS = {
  /** palm_os_3: two ports, the second for HotSync. */
  visor: {
    vendorId: 0x082d,
    productId: 0x0100,
    manufacturer: "Handspring Inc",
    product: "Handspring Visor",
    speed: "full",
    endpoints: bulk(0x81, 0x01, 0x82, 0x02),
    hotSync: { in: 2, out: 2 },
    answers: {
      ...COMMON,
      [VENDOR_REQUEST.CONNECTION_INFO]: connectionInfo(2, [
        [VISOR_FUNCTION.GENERIC, 1],
        [VISOR_FUNCTION.HOTSYNC, 2],
      ]),
    },
    family: "slp",
    profile: OS_PROFILES.palmOs3,
  },

  /** palm_os_4 with the endpoints' numbers the same both ways. */
  m505: {
    vendorId: 0x0830,
    productId: 0x0002,
    manufacturer: "Palm, Inc.",
    product: "Palm Handheld",
    speed: "full",
    endpoints: bulk(0x81, 0x01, 0x82, 0x02),
    hotSync: { in: 2, out: 2 },
    answers: {
      ...COMMON,
      [VENDOR_REQUEST.EXT_CONNECTION_INFO]: extConnectionInfo([
        { creator: "Lsfr", port: 1 },
        { creator: "cnys", port: 2 },
      ]),
    },
    family: "slp",
    profile: OS_PROFILES.palmOs4,
  },

  /** palm_os_4, NET, and endpoints whose numbers differ. */
  tungsten: {
    vendorId: 0x0830,
    productId: 0x0060,
    manufacturer: "Palm, Inc.",
    product: "Palm Handheld",
    speed: "full",
    endpoints: bulk(0x81, 0x02, 0x83, 0x04),
    hotSync: { in: 1, out: 2 },
    answers: {
      ...COMMON,
      [VENDOR_REQUEST.EXT_CONNECTION_INFO]: extConnectionInfo([
        { creator: "cnys", port: 1, in: 1, out: 2 },
        { creator: "Lsfr", port: 2, in: 3, out: 4 },
      ]),
    },
    family: "net",
    profile: OS_PROFILES.palmOs5,
  },

  /** clie_5: the first bulk-OUT is deaf, both ports use the second (clie_5_attach). */
  clie5: {
    vendorId: 0x054c,
    productId: 0x0144,
    manufacturer: "Sony",
    product: "Sony Clie 5.0",
    speed: "full",
    endpoints: bulk(0x81, 0x01, 0x82, 0x02),
    hotSync: { in: 1, out: 2 },
    answers: {
      ...COMMON,
      [VENDOR_REQUEST.EXT_CONNECTION_INFO]: extConnectionInfo([{ creator: "cnys", port: 1, in: 1, out: 2 }]),
    },
    family: "net",
    profile: OS_PROFILES.palmOs5,
  },

  /** clie_3.5: knows no vendor request but the closing one; the driver asks standard ones (clie_3_5_startup). */
  clie35: {
    vendorId: 0x054c,
    productId: 0x0038,
    manufacturer: "Sony",
    product: "Sony Clie 3.5",
    speed: "full",
    endpoints: bulk(0x81, 0x02),
    hotSync: { in: 1, out: 2 },
    answers: { [VENDOR_REQUEST.CLOSE_NOTIFICATION]: CLOSED },
    family: "slp",
    profile: OS_PROFILES.palmOs3,
  },

  /** Interrupt-INs, and bulk-INs in the wrong order: the driver swaps the two of each (treo_attach). */
  treo: {
    vendorId: 0x082d,
    productId: 0x0200,
    manufacturer: "Handspring Inc",
    product: "Handspring Treo",
    speed: "full",
    endpoints: [interrupt(0x84), ...bulk(0x82, 0x01), interrupt(0x83), ...bulk(0x81, 0x02)],
    hotSync: { in: 1, out: 1 },
    answers: {
      ...COMMON,
      [VENDOR_REQUEST.EXT_CONNECTION_INFO]: extConnectionInfo([
        { creator: "cnys", port: 1 },
        { creator: "Lsfr", port: 2 },
      ]),
    },
    family: "slp",
    profile: OS_PROFILES.palmOs4,
  },

  /** Answers the request with nothing, and tells its endpoints on interrupt endpoint 0x82 behind six other bytes. */
  treo90: {
    vendorId: 0x082d,
    productId: 0x0200,
    manufacturer: "Handspring Inc",
    product: "Handspring Treo 90",
    speed: "full",
    endpoints: [interrupt(0x82), ...bulk(0x81, 0x01), interrupt(0x84), ...bulk(0x83, 0x03)],
    hotSync: { in: 3, out: 1 },
    answers: { ...COMMON, [VENDOR_REQUEST.EXT_CONNECTION_INFO]: new Uint8Array() },
    announcement: {
      endpoint: 2,
      data: concat([new Uint8Array(6).fill(0x5a), extConnectionInfo([{ creator: "cnys", port: 1, in: 3, out: 1 }])]),
    },
    family: "slp",
    profile: OS_PROFILES.palmOs4,
  },

  /** Until the button is pressed there is only the port for files; request 0x01 is better not asked. */
  t5: {
    vendorId: 0x0830,
    productId: 0x0061,
    manufacturer: "palmOne, Inc.",
    product: "palmOne Handheld",
    speed: "full",
    endpoints: bulk(0x81, 0x02, 0x83, 0x04),
    hotSync: { in: 3, out: 4 },
    answers: {
      [VENDOR_REQUEST.CLOSE_NOTIFICATION]: CLOSED,
      [VENDOR_REQUEST.EXT_CONNECTION_INFO]: extConnectionInfo([
        { creator: "Lsfr", port: 1, in: 1, out: 2 },
        { creator: "cnys", port: 2, in: 3, out: 4 },
      ]),
    },
    answersBefore: {
      [VENDOR_REQUEST.EXT_CONNECTION_INFO]: extConnectionInfo([{ creator: "Lsfr", port: 1, in: 1, out: 2 }]),
    },
    family: "net",
    profile: OS_PROFILES.palmOs5,
  },
} as const satisfies Record<string, PalmModel>;

export type ModelName = keyof typeof MODELS;

const DESCRIPTOR = { DEVICE: 1, CONFIGURATION: 2, INTERFACE: 4, ENDPOINT: 5 } as const;
const TRANSFER_TYPE = { bulk: 2, interrupt: 3 } as const;
const VENDOR_CLASS = 0xff;
const le16 = (value: number): [number, number] => [value & 0xff, value >> 8];

/** An IN packet, at any speed: what handhelds were seen to send. */
export const PACKET_SIZE = 64;

/** Device descriptor (USB 2.0, 9.6.1). Strings 1 and 2 are manufacturer and product. */
export function deviceDescriptor(model: PalmModel): Uint8Array {
  const ids = [...le16(model.vendorId), ...le16(model.productId), ...le16(0x0100)];
  return Uint8Array.of(18, DESCRIPTOR.DEVICE, ...le16(0x0110), 0, 0, 0, PACKET_SIZE, ...ids, 1, 2, 0, 1);
}

/** The only configuration, number 1: one vendor-specific interface with the model's endpoints (9.6.3 to 9.6.6). */
export function configurationDescriptor(model: PalmModel): Uint8Array {
  const endpoints = model.endpoints.flatMap(({ address, type }) => {
    const interval = type === "interrupt" ? 10 : 0;
    return [7, DESCRIPTOR.ENDPOINT, address, TRANSFER_TYPE[type], ...le16(PACKET_SIZE), interval];
  });
  const total = le16(9 + 9 + endpoints.length);
  const configuration = [9, DESCRIPTOR.CONFIGURATION, ...total, 1, 1, 0, 0xc0, 1];
  const interface0 = [9, DESCRIPTOR.INTERFACE, 0, 0, model.endpoints.length, VENDOR_CLASS, 0, 0, 0];
  return Uint8Array.of(...configuration, ...interface0, ...endpoints);
}
