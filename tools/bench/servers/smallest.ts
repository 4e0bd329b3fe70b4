// The smallest daemon, for what one costs in memory and at its start: smallest fuse|cuse|fusd PATH.

import { basename } from "node:path";
import { defineDevice, serve } from "@devlift/core";

const [, , channel = "", path = ""] = process.argv;
const echo = defineDevice({
  name: basename(path),
  open: () => ({ last: new Uint8Array() }),
  read: ({ state, length }) => state.last.subarray(0, length),
  write({ state, data }) {
    state.last = data.slice();
    return data.length;
  },
});
const served = await serve(echo, { channel, path });
process.once("SIGTERM", () => void served.close());
process.stdout.write("ready\n");
