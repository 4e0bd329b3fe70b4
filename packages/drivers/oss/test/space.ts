// What every backend has to keep true of the room that it tells.

import * as oss from "@devlift/uapi/soundcard";
import { expect } from "vitest";
import type { Client } from "./client.ts";
import { noise } from "./noise.ts";

/** GETOSPACE is what a write takes, while it plays, too; and without room the delay falls as time goes by. */
export async function spaceIsWhatIsTaken(client: Client): Promise<void> {
  await client.configure();
  await client.int(oss.SNDCTL_DSP_SETFRAGMENT, (8 << 16) | 11);
  await client.write(noise(16_384, 21));
  await client.nonBlock(true);
  let delay = Number.POSITIVE_INFINITY;
  for (let rounds = 0; rounds < 20; ) {
    const { bytes } = await client.ask(oss.SNDCTL_DSP_GETOSPACE);
    if (bytes === 0) {
      const now = await client.int(oss.SNDCTL_DSP_GETODELAY);
      expect(now).toBeLessThanOrEqual(delay);
      delay = now;
      continue;
    }
    // Room can only grow in between.
    expect(await client.write(noise(bytes, 22))).toBe(bytes);
    delay = Number.POSITIVE_INFINITY;
    rounds++;
  }
  await client.plain(oss.SNDCTL_DSP_RESET);
}
