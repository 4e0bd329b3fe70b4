// Programs of others on /dev/dsp and /dev/mixer of a stock kernel, over PulseAudio: what its sink's monitor recorded
// equals what they played.
// Kernels: 6.12

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { PulseServer, type Recorder } from "@devlift/testing/pulse";
import * as oss from "@devlift/uapi/soundcard";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Client } from "./client.ts";
import { type Served, serveDevices } from "./daemon.ts";
import { heardWithGaps, noise } from "./noise.ts";

const O_WRONLY = 1;
/** sox of Debian 12 crashes on any device when (frames * channels) % 8192 is more than 4096. */
const FRAMES = 45_056;
const FRAME = 4;

const folder = mkdtempSync(join(tmpdir(), "devlift-oss-clients-"));
const samples = noise(FRAMES * FRAME, 7);
let server: PulseServer;
let served: Served;
let recorder: Recorder | undefined;

beforeAll(async () => {
  execFileSync("modprobe", ["cuse"]);
  server = await PulseServer.start();
  served = await serveDevices(server.environment);
  writeFileSync(join(folder, "s.raw"), samples);
  await run("sox -q -t raw -r 48000 -b 16 -e signed -c 2 s.raw s.wav");
  writeFileSync(
    join(folder, "asound.conf"),
    "pcm.oss { type oss device /dev/dsp }\nctl.oss { type oss device /dev/mixer }\n",
  );
});
afterEach(async () => {
  await recorder?.stop();
  recorder = undefined;
});
afterAll(async () => {
  const status = await served.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(status).toBe(0);
});

/** Runs a command line to its end. @returns what it printed; fails when its status is not 0 */
async function run(command: string): Promise<string> {
  const env = { ...server.environment, ALSA_CONFIG_PATH: `/usr/share/alsa/alsa.conf:${join(folder, "asound.conf")}` };
  const child = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"], cwd: folder, env });
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  expect(status, `${command}: ${err}`).toBe(0);
  return out;
}

async function recording(): Promise<Recorder> {
  recorder = await server.record();
  return recorder;
}

test.each([
  "sox -q s.wav -t oss /dev/dsp",
  "ffmpeg -v error -nostdin -i s.wav -f oss /dev/dsp",
  "aplay -q -D oss s.wav",
  "mplayer -really-quiet -noconfig all -ao oss s.wav",
  "gst-launch-1.0 -q filesrc location=s.wav ! wavparse ! audioconvert ! osssink device=/dev/dsp",
  "gst-launch-1.0 -q filesrc location=s.wav ! wavparse ! audioconvert ! oss4sink device=/dev/dsp",
  "gst-launch-1.0 -q filesrc location=s.wav ! wavparse ! audioconvert ! oss4sink",
])("what it plays is what is heard: %s", async (command) => {
  const by = await recording();
  await run(command);
  await heardWithGaps(by, samples);
});

test("a 32-bit program is heard as any other", async () => {
  const by = await recording();
  const player = await Client.open("/dev/dsp", O_WRONLY, server.environment, 32);
  await player.configure();
  expect(await player.ask(oss.SNDCTL_DSP_GETOSPACE)).toMatchObject({ fragsize: 8192, fragments: 8, bytes: 65_536 });
  await player.write(samples);
  await player.close();
  await heardWithGaps(by, samples);
  await player.stop();
});

test.each([
  ["sox -q -t oss -r 48000 -b 16 -c 2 /dev/dsp a.raw trim 0 0.5"],
  ["ffmpeg -v error -y -f oss -sample_rate 48000 -channels 2 -i /dev/dsp -t 0.5 -f s16le a.raw"],
  ["arecord -q -D oss -t raw -f S16_LE -r 48000 -c 2 -s 24000 a.raw"],
])("what it records is what is played: %s", async (command) => {
  const player = await Client.open("/dev/dsp", O_WRONLY, server.environment);
  await player.configure();
  let stop = false;
  // The same second again and again, until the program has what it wants.
  const playing = (async () => {
    while (!stop) await player.write(samples);
  })();
  await run(command);
  stop = true;
  await playing;
  await player.plain(oss.SNDCTL_DSP_RESET);
  await player.stop();
  const recorded = readFileSync(join(folder, "a.raw"));
  // From its end back: before the first bytes of the player came it may be silent.
  const piece = recorded.subarray(-40_000);
  expect(Buffer.concat([samples, samples]).includes(piece)).toBe(true);
});

test("aumix, rexima and amixer change what pactl shows, and the other way round", async () => {
  const volume = async () => Number(/(\d+)%/.exec(await server.pactl("get-sink-volume", "@DEFAULT_SINK@"))?.[1]);
  await run("aumix -v 40");
  expect(await volume()).toBe(40);
  await run("rexima vol 55");
  expect(await volume()).toBe(55);
  await run("amixer -q -D oss sset Master 65%");
  expect(await volume()).toBe(65);
  await server.pactl("set-sink-volume", "@DEFAULT_SINK@", "30%");
  expect(await run("aumix -q")).toMatch(/vol 30, 30/);
  await server.pactl("set-sink-volume", "@DEFAULT_SINK@", "100%");
});
