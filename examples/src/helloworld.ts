// The smallest device that says something: a greeting for everyone who opens it, then end of file.
// Shows: read, and state of one's own for each open file.
//
//   node --import tsx examples/src/helloworld.ts --channel fuse --path /tmp/helloworld &
//   cat /tmp/helloworld

import { defineDevice, runDaemon } from "@devlift/core";
import { isMain } from "./is-main.ts";

const GREETING = new TextEncoder().encode("Hello, world!\n");

export const helloworld = defineDevice({
  name: "hello-world",
  // What open gives is `state` in every later call on this file; two programs that read at once each get all of it.
  open: () => ({ unread: GREETING }),
  read({ state, length }) {
    const given = state.unread.subarray(0, length);
    state.unread = state.unread.subarray(given.length);
    return given; // empty when all was read: end of file
  },
});

if (isMain(import.meta)) await runDaemon(helloworld);
