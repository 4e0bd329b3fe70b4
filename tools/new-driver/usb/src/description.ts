// What `devlift`, the packages and udev know of this driver.

import type { DriverDescription } from "@devlift/daemon";
import { PRODUCT, VENDOR } from "./protocol.ts";

const hex4 = (number: number) => number.toString(16).padStart(4, "0");

export const description: DriverDescription = {
  name: "NAME",
  summary: "serves /dev/NAME, a device on USB",
  nodes: ["/dev/NAME"],
  replaces: [], // the kernel's modules whose place it takes
  command: "devlift-NAME",
  group: "plugdev", // who may open it, besides root
  // udev's rule is made of this: it starts the service, which may then open the hardware.
  usb: {
    ids: [`${hex4(VENDOR)}:${hex4(PRODUCT)}`],
    vendors: [],
    appears: "it is on USB as long as it is plugged in",
    troubles: [],
  },
};
