// A driver's main file, for driver.fuse.test.ts: a greeting, read by whoever opens it.

import { defineDevice } from "@devlift/core";
import { runDriver } from "../src/index.ts";

const greeting = defineDevice({
  name: "greeting",
  open: () => ({ given: false }),
  read({ state }) {
    const text = state.given ? "" : "hello\n";
    state.given = true;
    return new TextEncoder().encode(text);
  },
});

await runDriver(
  {
    description: {
      name: "greeting",
      summary: "greets",
      nodes: ["/dev/greeting"],
      replaces: [],
      command: "devlift-greeting",
      group: "users",
    },
    version: "1.2.3",
    examples: ["devlift-greeting       a greeting"],
    start: ({ log }) => ({
      devices: [greeting],
      status: () => ({ greetings: 1 }),
      close: () => log.info({}, "given back"),
    }),
  },
  process.argv.slice(2),
);
