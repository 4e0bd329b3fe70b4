// Sixteen programs whose sound server hangs, dies and comes back, on the fuse channel.

import { PipeWireServer, PulseServer } from "@devlift/testing/pulse";
import { expect, onTestFinished, test } from "vitest";
import { serveFiles } from "./daemon.ts";
import { survivesLosses } from "./losses.ts";
import { SINK_OPTIONS } from "./lost-server.ts";

test.each([
  ["PulseAudio", PulseServer],
  ["PipeWire", PipeWireServer],
] as const)(
  "%s hangs, dies and comes back: each program has an error or goes on within 2 s, and nothing is left",
  async (_name, Server) => {
    const server = await Server.start(SINK_OPTIONS);
    onTestFinished(() => server.stop());
    const served = await serveFiles(server.environment);
    onTestFinished(async () => expect(await served.stop()).toBe(0));
    await survivesLosses(served, server);
  },
);
