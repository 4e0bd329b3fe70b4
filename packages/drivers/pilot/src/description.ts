// What `devlift` knows of this driver.

import type { DriverDescription } from "@devlift/daemon";
import { HANDHELD_VENDORS, hex4, MODELS, usbId } from "./models.ts";
import { DEFAULT_DEVICE } from "./options.ts";

export const description: DriverDescription = {
  name: "pilot",
  summary: "Palm OS handhelds on USB, for HotSync programs",
  nodes: [DEFAULT_DEVICE],
  replaces: ["visor"],
  command: "devlift-pilot",
  group: "dialout",
  usb: {
    ids: MODELS.map(usbId),
    vendors: HANDHELD_VENDORS.map(hex4),
    appears: "a handheld is on USB only while it syncs: press its HotSync button",
    troubles: [
      { ids: ["0830:0061"], says: "T|X, T5 and E2 can be opened before HotSync runs, and then the sync stalls" },
      { ids: ["082d:0200"], says: "a Treo 90 leaves its ports out of the answer that visor reads them from" },
    ],
  },
};
