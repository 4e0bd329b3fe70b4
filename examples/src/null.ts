// The smallest device: takes everything, gives nothing.
// Shows: what a driver is when all that it says is what it can do now.
//
//   node --import tsx examples/src/null.ts --channel fuse --path /tmp/null &
//   echo gone > /tmp/null; cat /tmp/null; echo $?

import { defineDevice, runDaemon } from "@devlift/core";
import { isMain } from "./is-main.ts";

export const nothing = defineDevice({
  name: "nothing",
  read: () => new Uint8Array(),
  write: ({ data }) => data.length,
});

if (isMain(import.meta)) await runDaemon(nothing);
