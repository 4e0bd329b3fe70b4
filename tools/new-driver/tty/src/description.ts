// What `devlift`, the packages and udev know of this driver.

import type { DriverDescription } from "@devlift/daemon";

export const description: DriverDescription = {
  name: "NAME",
  summary: "serves /dev/NAME, a serial port whose wire leads back to it",
  nodes: ["/dev/NAME"],
  replaces: [], // the kernel's modules whose place it takes
  command: "devlift-NAME",
  group: "dialout", // who may open it, besides root
};
