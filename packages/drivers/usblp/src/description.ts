// What `devlift` knows of this driver.

import type { DriverDescription } from "@devlift/daemon";
import { MOST_PRINTERS, PRINTER_INTERFACES } from "./protocol.ts";

export const description: DriverDescription = {
  name: "usblp",
  summary: "USB printers, for programs that write to a device file",
  nodes: Array.from({ length: MOST_PRINTERS }, (_, number) => `/dev/usb/lp${number}`),
  comesWithHardware: true,
  replaces: ["usblp"],
  command: "devlift-usblp",
  group: "lp",
  usb: {
    ids: ["04b8:0202"],
    interfaces: PRINTER_INTERFACES,
    vendors: [],
    appears: "a printer is on USB when it is switched on; CUPS uses it without a device file",
    troubles: [],
  },
};
