// The handhelds that this driver knows: one row a USB id, and how a plugged-in device is matched to its row.
// Constant data. Sources: the id tables of drivers/usb/serial/visor.c and visor.h (Linux 6.1), pilot-link's
// libpisock/usb.c for the ids that the kernel never learnt, and the USB id list for names.

import type { ConfigurationDescriptor, DeviceDescriptor } from "@devlift/usb";

/** How a handheld wants to be greeted, under the names of visor.c; probe.ts does it. */
export type Family = "palm_os_3" | "palm_os_4" | "clie_5" | "clie_3_5";

export interface Model {
  readonly vendorId: number;
  readonly productId: number;
  readonly name: string;
  readonly family: Family;
  /** The two bulk-IN and the two interrupt-IN endpoints are swapped when there is an interrupt-IN (visor.c, Treo). */
  readonly swapsInputs?: true;
  /** Answers no vendor request and needs none (pilot-link, USB_INIT_NONE). */
  readonly needsNoInit?: true;
  /**
   * Wants request 0x01 after 0x04, as pilot-link sends it to all but a few. The kernel gets along without it on every
   * id of its own, and on two (0830:0061, 12ef:0100) it does harm: so only ids that pilot-link alone knows have it.
   */
  readonly asksBytesAvailable?: true;
  /** Phones of other kinds have the same id: only such a device is a Palm. */
  readonly only?: "vendor-specific interface" | "not CDC-ACM";
}

type Extra = Partial<Omit<Model, "vendorId" | "productId" | "name">>;

function vendor(vendorId: number, defaults: Extra, products: readonly (readonly [number, string, Extra?])[]): Model[] {
  return products.map(([productId, name, extra]) => ({
    vendorId,
    productId,
    name,
    family: "palm_os_4",
    ...defaults,
    ...extra,
  }));
}

/** An id that only pilot-link knows. */
const PILOT_LINK: Extra = { asksBytesAvailable: true };

/** Every handheld, each id once. */
export const MODELS: readonly Model[] = [
  ...vendor(0x082d, { swapsInputs: true }, [
    [0x0100, "Handspring Visor, Treo 300", { family: "palm_os_3" }],
    [0x0200, "Handspring Treo"],
    [0x0300, "Handspring Treo 600"],
  ]),
  ...vendor(0x0830, {}, [
    [0x0001, "Palm m500"],
    [0x0002, "Palm m505"],
    [0x0003, "Palm m515"],
    [0x0010, "Palm handheld", PILOT_LINK],
    [0x0011, "Palm handheld", PILOT_LINK],
    [0x0020, "Palm i705"],
    [0x0030, "Palm Tungsten Z", PILOT_LINK],
    [0x0031, "Palm Tungsten W"],
    [0x0040, "Palm m125"],
    [0x0050, "Palm m130"],
    [0x0051, "Palm handheld", PILOT_LINK],
    [0x0052, "Palm handheld", PILOT_LINK],
    [0x0053, "Palm handheld", PILOT_LINK],
    [0x0060, "Palm Tungsten, Zire 71"],
    [0x0061, "Palm Treo 650, T5, TX, E2, LifeDrive, Zire 31/72, Z22"],
    [0x0062, "Palm handheld", PILOT_LINK],
    [0x0063, "Palm handheld", PILOT_LINK],
    [0x0070, "Palm Zire"],
    [0x0071, "Palm handheld", PILOT_LINK],
    [0x0080, "Palm m100", { needsNoInit: true }],
    [0x0099, "Palm handheld", PILOT_LINK],
    [0x0100, "Palm handheld", PILOT_LINK],
  ]),
  ...vendor(0x054c, {}, [
    [0x000a, "Sony Clie NR (Palm OS 4.1)", PILOT_LINK],
    [0x0038, "Sony Clie S300 (Palm OS 3.5)", { family: "clie_3_5" }],
    [0x0066, "Sony Clie T, SJ (Palm OS 4.0)"],
    [0x0095, "Sony Clie S360"],
    [0x009a, "Sony Clie NR70 (Palm OS 4.1)"],
    [0x00da, "Sony Clie NX60"],
    [0x00e9, "Sony Clie NZ90"],
    [0x0144, "Sony Clie UX50, TH55", { family: "clie_5" }],
    [0x0169, "Sony Clie TJ25"],
  ]),
  ...vendor(0x04e8, {}, [
    [0x8001, "Samsung SCH-i330", { only: "vendor-specific interface" }],
    [0x6601, "Samsung SPH-i500", { only: "not CDC-ACM" }],
  ]),
  ...vendor(0x0c88, { swapsInputs: true }, [
    [0x0021, "Kyocera 7135"],
    [0xa226, "Kyocera 6035", PILOT_LINK],
  ]),
  ...vendor(0x0502, {}, [[0x0001, "Acer S10"]]),
  ...vendor(0x081e, {}, [[0xdf00, "AlphaSmart Dana", PILOT_LINK]]),
  ...vendor(0x091e, {}, [[0x0004, "Garmin iQue 3600"]]),
  ...vendor(0x0e67, {}, [[0x0002, "Fossil Wrist PDA"]]),
  ...vendor(0x115e, {}, [[0xf100, "GSPDA Xplore M68"]]),
  ...vendor(0x12ef, {}, [[0x0100, "Tapwave Zodiac"]]),
  ...vendor(0x4766, {}, [[0x0001, "Aceeca MEZ1000"]]),
];

const BY_ID = new Map(MODELS.map((model) => [usbId(model), model]));

/** USB-IF class codes, and the subclass of a modem (Abstract Control Model). */
const CLASS_COMMUNICATIONS = 0x02;
const SUBCLASS_ACM = 0x02;
export const CLASS_VENDOR_SPECIFIC = 0xff;

/**
 * The row of a device.
 * @param configuration the active one; undefined when the device is not configured
 * @returns undefined when it is no handheld of ours
 */
export function modelOf(device: DeviceDescriptor, configuration: ConfigurationDescriptor | undefined) {
  const model = BY_ID.get(usbId(device));
  switch (model?.only) {
    case "vendor-specific interface": {
      const classes = configuration?.interfaces.flatMap(({ alternates }) => alternates.map((it) => it.interfaceClass));
      return classes?.includes(CLASS_VENDOR_SPECIFIC) ? model : undefined;
    }
    case "not CDC-ACM":
      // The kernel looks at the device's class and not at its interfaces (visor_probe), and so do we.
      return device.deviceClass === CLASS_COMMUNICATIONS && device.deviceSubClass === SUBCLASS_ACM ? undefined : model;
    default:
      return model;
  }
}

/** Made little else than handhelds: Palm, Handspring. An id of theirs that is not in the table deserves a word. */
export const HANDHELD_VENDORS: readonly number[] = [0x0830, 0x082d];

/** As lsusb writes it: "0830:0061". */
export function usbId({ vendorId, productId }: { readonly vendorId: number; readonly productId: number }): string {
  return `${hex4(vendorId)}:${hex4(productId)}`;
}

/** As lsusb writes half of an id: "0830". */
export function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}
