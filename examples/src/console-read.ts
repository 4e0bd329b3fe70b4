// A device whose bytes are typed by the person at the daemon's terminal: a read waits for the next line there, and
// whoever reads at that moment gets it. The end of the input (ctrl-D) is the end of the file.
// Shows: the easiest way to wait, an async handler. (poll cannot know of a line that nobody has typed yet, and takes
// the device for always ready; pager.ts shows the way of waiting that poll sees, too.)
// The second line to try is for another terminal.
//
//   node --import tsx examples/src/console-read.ts --channel fuse --path /tmp/console-read
//   cat /tmp/console-read

import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { defineDevice, runDaemon, wouldBlock } from "@devlift/core";
import { isMain } from "./is-main.ts";

export function consoleRead(input: Readable, say: (prompt: string) => void) {
  const lines = createInterface({ input }).setMaxListeners(0); // a listener for each reader that waits
  lines.on("close", () => device.hangup()); // who reads now gets end of file

  const device = defineDevice({
    name: "console-read",
    open: () => ({ unread: new Uint8Array() }),
    async read({ state, caller, nonBlocking, signal, length }) {
      if (state.unread.length === 0 && !input.readableEnded) {
        if (nonBlocking) return wouldBlock;
        say(`Process ${caller.pid} reads. What do we say?\n> `);
        // `signal` aborts when the reader gets a signal (ctrl-C) or the file is hung up: waiting ends by itself.
        const [line] = await once(lines, "line", { signal });
        state.unread = new TextEncoder().encode(`${line}\n`);
      }
      const given = state.unread.subarray(0, length);
      state.unread = state.unread.subarray(given.length);
      return given;
    },
  });
  return device;
}

if (isMain(import.meta)) await runDaemon(consoleRead(process.stdin, (prompt) => process.stdout.write(prompt)));
