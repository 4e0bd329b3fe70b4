// The kernel's own emulation (snd-pcm-oss over snd-aloop) beside ours: the same calls with the same arguments. What differs
// is in differences.ts with its reason; what is there and does not differ is an error, too.
// Kernels: 6.12

import { execFileSync } from "node:child_process";
import { PulseServer } from "@devlift/testing/pulse";
import { expect, test } from "vitest";
import { serveDevices } from "../daemon.ts";
import { outcomes } from "./calls.ts";
import { DIFFERENCES } from "./differences.ts";

test("each call gives what it gives on the kernel's dsp, but for what is meant", async () => {
  execFileSync("modprobe", ["-a", "cuse", "snd-aloop", "snd-pcm-oss"]);
  const server = await PulseServer.start();
  const served = await serveDevices(
    server.environment,
    ..."--dsp dsp9 --adsp none --audio none --mixer mixer9 --sndstat none".split(" "),
  );
  const kernel = await outcomes("/dev/dsp", server.environment);
  const ours = await outcomes("/dev/dsp9", server.environment);
  const status = await served.stop();
  await server.stop();
  expect(status).toBe(0);
  const differ = [...kernel].filter(([name, outcome]) => ours.get(name) !== outcome);
  const shown = differ.map(([name, outcome]) => [name, outcome, ours.get(name)].join(" | "));
  const meant = [...DIFFERENCES].map(([name, [theirs, our]]) => [name, theirs, our].join(" | "));
  expect(shown.sort()).toEqual(meant.sort());
});
