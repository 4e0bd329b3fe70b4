// The test of a sound server that is lost, on any channel and any server.

import type { SoundServer } from "@devlift/testing/pulse";
import { expect } from "vitest";
import type { Served } from "./daemon.ts";
import { Crowd, streamsOn } from "./lost-server.ts";

/** KiB that may be held more than after the first time: what a round leaves, if anything, is left by sixteen programs. */
const MORE_KIB = 512;

/** Each way to lose it, with sixteen programs at work; then they end, and everything has come back. */
async function round(served: Served, server: SoundServer): Promise<void> {
  const crowd = await Crowd.start(served);
  await crowd.outage(
    () => server.pause(),
    () => server.resume(),
  );
  await crowd.outage(
    () => server.kill(),
    () => server.restart(),
  );
  await crowd.blink(async () => {
    await server.kill();
    await server.restart();
  });
  await crowd.outage(
    async () => server.pause(),
    async () => {
      await server.kill();
      await server.restart();
    },
  );
  await crowd.end();
}

/** @param server runs, and has no streams but those of `served` */
export async function survivesLosses(served: Served, server: SoundServer): Promise<void> {
  const handles = served.daemon.handles().length;
  await round(served, server);
  const { held } = await served.daemon.memory();
  await round(served, server);
  await expect.poll(() => streamsOn(server), { timeout: 30_000 }).toBe("");
  await expect.poll(() => served.daemon.handles().length, { timeout: 30_000 }).toBe(handles);
  expect((await served.daemon.memory()).held - held).toBeLessThan(MORE_KIB);
}
