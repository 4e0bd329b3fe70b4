// The daemon where there is no sound server, over aplay and arecord. A sound card there is none either: ALSA's "default" is
// its plugin for PulseAudio, whose null sink keeps time as a card does, and whose monitor is the judge.

import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PulseServer } from "@devlift/testing/pulse";
import * as oss from "@devlift/uapi/soundcard";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serveFiles } from "./daemon.ts";
import { heard, noise } from "./noise.ts";
import { spaceIsWhatIsTaken } from "./space.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const EIO = expect.objectContaining({ code: "EIO" });

let card: PulseServer;
let served: Served;

beforeAll(async () => {
  card = await PulseServer.start();
  const config = join(card.folder, "asoundrc");
  writeFileSync(config, `pcm.!default { type pulse server "unix:${card.socket}" }\n`);
  const { PATH = "" } = card.environment;
  served = await serveFiles({ PATH, PULSE_SERVER: "unix:/nowhere", ALSA_CONFIG_PATH: config }, "auto");
});
afterAll(async () => {
  const status = await served.stop();
  await card.stop();
  expect(status).toBe(0);
});

test("what a program writes, in odd pieces, is what is heard; SYNC waits for all of it, and then it goes on", async () => {
  const client = await served.open("dsp", O_WRONLY);
  await client.configure();
  for (const seed of [1, 2]) {
    const by = await card.record();
    const samples = noise(150_000, seed);
    for (let at = 0, size = 1; at < samples.length; at += size, size = (size * 5 + 3) % 30_011)
      await client.write(samples.subarray(at, at + size));
    expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBeGreaterThan(0);
    await client.plain(oss.SNDCTL_DSP_SYNC);
    expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
    expect((await client.ask(oss.SNDCTL_DSP_GETOPTR)).bytes).toBe(seed * samples.length);
    await heard(by, samples);
    await by.stop();
  }
  await client.close();
});

test("GETOSPACE is what a write takes, and the delay falls as time goes by", async () => {
  const client = await served.open("dsp", O_WRONLY);
  await spaceIsWhatIsTaken(client);
  expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
  await client.close();
});

test("one file plays and records at the same time: it hears itself", async () => {
  const samples = noise(48_000, 30);
  const client = await served.open("dsp", O_RDWR);
  await client.configure();
  await client.read(4);
  await client.write(samples);
  // Less than a fragment waits for more.
  await client.write(new Uint8Array(16_384));
  const heardBack: Uint8Array[] = [];
  while (!Buffer.concat(heardBack).includes(samples.subarray(-64))) heardBack.push(await client.read(9000));
  const all = Buffer.concat(heardBack);
  const at = all.indexOf(samples.subarray(0, 64));
  expect(all.subarray(at, at + samples.length).equals(samples)).toBe(true);
  await client.close();
});

test("on a card that takes everything at once nothing is lost, and a program is heard at its own pace", async () => {
  const out = join(card.folder, "out.raw");
  const config = join(card.folder, "file");
  const slave = `type file file "${out}" format raw slave.pcm { type null }`;
  writeFileSync(config, `pcm.!default { type plug slave { pcm { ${slave} } format S16_LE rate 48000 channels 2 } }\n`);
  const env = { PATH: "/usr/bin", PULSE_SERVER: "unix:/nowhere", ALSA_CONFIG_PATH: config };
  const client = await served.open("dsp", O_WRONLY, env);
  await client.configure();
  const samples = noise(192_000, 40);
  const begun = performance.now();
  await client.write(samples);
  // A second of sound, of which the buffer holds half.
  expect(performance.now() - begun).toBeGreaterThan(250);
  await client.plain(oss.SNDCTL_DSP_SYNC);
  const played = await readFile(out);
  expect(played.subarray(0, samples.length).equals(samples)).toBe(true);
  // aplay fills its last period.
  expect(played.subarray(samples.length).every((byte) => byte === 0)).toBe(true);
  await client.close();
});

test("a card that is gone is an error, and when it is back the same file plays again; without ALSA open(2) is ENODEV", async () => {
  const client = await served.open("dsp", O_WRONLY);
  await client.configure();
  await client.write(noise(8192, 60));
  await card.kill();
  await expect(
    (async () => {
      for (;;) await client.write(noise(65_536, 62));
    })(),
  ).rejects.toEqual(EIO);
  await card.restart();
  const by = await card.record();
  const samples = noise(65_536, 63);
  await client.write(samples);
  await client.plain(oss.SNDCTL_DSP_SYNC);
  await heard(by, samples);
  await by.stop();
  await client.close();
  const nothing = { PATH: "/usr/bin", PULSE_SERVER: "unix:/nowhere", ALSA_CONFIG_PATH: "/dev/null" };
  await expect(served.open("dsp", O_RDONLY, nothing)).rejects.toEqual(expect.objectContaining({ code: "ENODEV" }));
});
