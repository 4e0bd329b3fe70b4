// What the daemon says of its open files, on a virtual server.

import * as v4 from "@devlift/uapi/oss4";
import * as oss from "@devlift/uapi/soundcard";
import { expect, test } from "vitest";
import { bench, O_RDONLY, O_WRONLY, settled } from "./bench.ts";

test("a row for each side of each open file: what it is set to, how late, how often it ran dry", async () => {
  const { server, status, dsp } = await bench();
  expect(status()).toEqual({ server: "virtual", streams: [] });
  const player = await dsp(O_WRONLY);
  await player.int(oss.SNDCTL_DSP_SETFRAGMENT, (4 << 16) | 7);
  await player.text(v4.SNDCTL_SETNAME, "jukebox");
  const play = {
    ...{ device: "/dev/dsp", program: "jukebox", pid: process.pid, uid: 1000, direction: "play" },
    ...{ state: "idle", format: "U8", rate: 8000, channels: 1, latencyMs: 0, underruns: 0, volume: [100, 100] },
  };
  expect(status()["streams"]).toEqual([play]);
  const writing = player.file.write(new Uint8Array(256));
  expect(status()["streams"]).toEqual([{ ...play, state: "opening", latencyMs: 32 }]);
  await writing;
  await settled();
  server.advance(10);
  await player.int(v4.SNDCTL_DSP_SETPLAYVOL, 0x3214);
  expect(status()["streams"]).toEqual([{ ...play, state: "running", latencyMs: 22, volume: [20, 50] }]);
  server.advance(100);
  // Who asks by GETERROR does not take it from who asks here.
  expect((await player.ask(v4.SNDCTL_DSP_GETERROR)).play_underruns).toBe(1);
  expect(status()["streams"]).toEqual([{ ...play, underruns: 1, volume: [20, 50] }]);

  const recorder = await dsp(O_RDONLY);
  await recorder.int(oss.SNDCTL_DSP_SETFMT, oss.AFMT.AFMT_S16_BE);
  await recorder.file.poll();
  await settled();
  server.recording[0]?.hear(...new Uint8Array(160));
  await player.file.close();
  expect(status()["streams"]).toMatchObject([
    { direction: "record", state: "running", format: "S16_BE", latencyMs: 10, overruns: 0 },
  ]);
});
