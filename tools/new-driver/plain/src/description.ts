// What `devlift`, the packages and udev know of this driver.

import type { DriverDescription } from "@devlift/daemon";

export const description: DriverDescription = {
  name: "NAME",
  summary: "serves /dev/NAME, a pipe with room for 4096 bytes",
  nodes: ["/dev/NAME"],
  replaces: [], // the kernel's modules whose place it takes
  command: "devlift-NAME",
  group: "users", // who may open it, besides root
};
