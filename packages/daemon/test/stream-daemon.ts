// A daemon in a process of its own, for hostile.fuse.test.ts: a stream without end of bytes that count up, and a read of one byte
// that waits for ever.

import { defineDevice, wouldBlock } from "@devlift/core";
import { runDriver } from "../src/index.ts";

const stream = defineDevice({
  name: "stream",
  open: () => ({ at: 0 }),
  read({ state, length }) {
    if (length === 1) return wouldBlock;
    const given = Uint8Array.from({ length: Math.min(length, 4096) }, (_, index) => state.at + index);
    state.at += given.length;
    return given;
  },
});

await runDriver(
  {
    description: {
      name: "stream",
      summary: "a stream for a test",
      nodes: ["/dev/stream"],
      replaces: [],
      command: "devlift-stream",
      group: "root",
    },
    version: "1.2",
    start: () => ({ devices: [stream], status: () => ({ mood: "calm" }) }),
  },
  process.argv.slice(2),
);
