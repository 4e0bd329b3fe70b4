// What a program asks again and again is answered without asking the sound server, counted by who stands between the two.

import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { PipeWireServer, PulseServer } from "@devlift/testing/pulse";
import * as oss from "@devlift/uapi/soundcard";
import { expect, onTestFinished, test } from "vitest";
import { serveFiles } from "./daemon.ts";
import { noise } from "./noise.ts";

const O_WRONLY = 1;
const ROUNDS = 400;
/** Bytes of the shortest question: its frame's head, its number, its tag, and of which stream. */
const QUESTION = 20 + 3 * 5;

test.each([
  ["PulseAudio", PulseServer],
  ["PipeWire", PipeWireServer],
] as const)("GETOSPACE, GETOPTR and GETODELAY do not ask %s", async (_name, Server) => {
  const server = await Server.start();
  onTestFinished(() => server.stop());
  const place = join(server.folder, "between");
  let bytes = 0;
  const between = createServer((client) => {
    const there = createConnection(server.socket);
    client.on("data", (data: Buffer) => {
      bytes += data.length;
    });
    client.pipe(there).pipe(client);
    for (const socket of [client, there]) socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => between.listen(place, resolve));
  onTestFinished(() => void between.close());
  const served = await serveFiles({ ...server.environment, PULSE_SERVER: `unix:${place}` });
  onTestFinished(async () => expect(await served.stop()).toBe(0));

  const client = await served.open("dsp", O_WRONLY);
  await client.configure();
  await client.write(noise(32_768, 1));
  await expect.poll(() => bytes, { timeout: 30_000 }).toBeGreaterThan(32_768);
  const before = bytes;
  for (let round = 0; round < ROUNDS; round++) {
    await client.ask(oss.SNDCTL_DSP_GETOSPACE);
    await client.ask(oss.SNDCTL_DSP_GETOPTR);
    await client.int(oss.SNDCTL_DSP_GETODELAY);
  }
  // Reports of where it plays are asked for by the clock, at most a hundred times a second.
  expect(bytes - before).toBeLessThan((3 * ROUNDS * QUESTION) / 4);
  await client.close();
});
