// Tells the time, each second once, to each of its readers.
// Shows: waiting for a time. wouldBlockFor() asks again when it has come; who polls is told by a timer.
//
//   node --import tsx examples/src/clock.ts --channel fuse --path /tmp/clock &
//   cat /tmp/clock

import { defineDevice, POLL, runDaemon, wouldBlockFor } from "@devlift/core";
import { isMain } from "./is-main.ts";

/** Milliseconds until a reader gets its next second; 0 or less: now. */
const early = (told: number) => told + 1000 - Date.now();

export const clock = defineDevice({
  name: "clock",
  open: (): { told: number; alarm?: NodeJS.Timeout } => ({ told: 0 }),
  read({ state, length }) {
    if (early(state.told) > 0) return wouldBlockFor(early(state.told));
    state.told = Math.floor(Date.now() / 1000) * 1000;
    return new TextEncoder().encode(`${new Date(state.told).toISOString()}\n`).subarray(0, length);
  },
  poll({ state, file }) {
    if (early(state.told) <= 0) return POLL.IN;
    clearTimeout(state.alarm); // one for each file is enough
    state.alarm = setTimeout(() => file.readable(), early(state.told));
    return 0;
  },
  release({ state }) {
    clearTimeout(state.alarm);
  },
});

if (isMain(import.meta)) await runDaemon(clock);
