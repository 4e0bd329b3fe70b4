// The daemon between C programs and a real PulseAudio, and PipeWire: what its sink's monitor recorded is the judge. The device files
// are the fuse channel's, and the daemon finds the server by the programs' environment.

import { execFile, spawn } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { PipeWireServer, PulseServer, type Recorder, type SoundServer } from "@devlift/testing/pulse";
import * as v4 from "@devlift/uapi/oss4";
import * as oss from "@devlift/uapi/soundcard";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BUNDLE, controlIn, type Served, serveFiles } from "./daemon.ts";
import { heard, noise } from "./noise.ts";
import { spaceIsWhatIsTaken } from "./space.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const POLLIN = 1;
const POLLOUT = 4;
/** Bytes of one, as long as nobody asks for another size. Less than one may wait for more, or for SYNC. */
const FRAGMENT = 8192;
const EIO = expect.objectContaining({ code: "EIO" });
const EAGAIN = expect.objectContaining({ code: "EAGAIN" });

describe.each([
  ["PulseAudio", PulseServer],
  ["PipeWire", PipeWireServer],
] as const)("%s", (_name, Server) => {
  let server: SoundServer;
  let served: Served;
  let recorder: Recorder | undefined;

  beforeAll(async () => {
    server = await Server.start();
    served = await serveFiles(server.environment);
  });
  afterEach(async () => {
    await recorder?.stop();
    recorder = undefined;
  });
  afterAll(async () => {
    const status = await served.stop();
    await server.stop();
    expect(status).toBe(0);
  });

  async function recording(): Promise<Recorder> {
    recorder = await server.record();
    return recorder;
  }

  test("what a program writes, in odd pieces, is what is heard, and close waits for all of it", async () => {
    const by = await recording();
    const samples = noise(150_000, 1);
    const client = await served.open("dsp", O_WRONLY);
    await client.configure();
    for (let at = 0, size = 1; at < samples.length; at += size, size = (size * 5 + 3) % 30_011)
      await client.write(samples.subarray(at, at + size));
    expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBeGreaterThan(0);
    await client.close();
    // No more than what the recorder's own way to us takes.
    await heard(by, samples);
  });

  test.each([
    [
      "U16_BE",
      oss.AFMT.AFMT_U16_BE,
      (sample: Buffer) => sample.swap16().map((byte, at) => (at % 2 === 0 ? byte ^ 0x80 : byte)),
    ],
    ["U16_LE", oss.AFMT.AFMT_U16_LE, (sample: Buffer) => sample.map((byte, at) => (at % 2 === 1 ? byte ^ 0x80 : byte))],
    ["S16_BE", oss.AFMT.AFMT_S16_BE, (sample: Buffer) => sample.swap16()],
  ] as const)("a format that the sink has not is heard as it was meant: %s", async (_name, format, encoded) => {
    const by = await recording();
    const samples = noise(40_000, 2 + format);
    const client = await served.open("dsp", O_WRONLY);
    await client.configure(format);
    await client.write(encoded(Buffer.from(samples)));
    await client.close();
    await heard(by, samples);
  });

  test("SYNC waits until all is heard, and then nothing is left", async () => {
    const by = await recording();
    const samples = noise(60_000, 20);
    const client = await served.open("dsp", O_WRONLY);
    await client.configure();
    await client.write(samples);
    await client.plain(oss.SNDCTL_DSP_SYNC);
    expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
    expect((await client.ask(oss.SNDCTL_DSP_GETOPTR)).bytes).toBe(samples.length);
    await heard(by, samples);
    await client.close();
  });

  test("a signal ends a blocking write with a part; RESET waits for nothing; poll tells of both directions", async () => {
    const client = await served.open("dsp", O_RDWR);
    await client.configure();
    const size = 1_000_000;
    await client.signals(300);
    // More than is heard in five seconds: a signal comes before.
    const taken = await client.fill(size);
    await client.signals(0);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(size);
    expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBeGreaterThan(0);
    await client.plain(oss.SNDCTL_DSP_RESET);
    expect(await client.int(oss.SNDCTL_DSP_GETODELAY)).toBe(0);
    expect(await client.poll(POLLOUT, -1)).toBe(POLLOUT);
    expect(await client.poll(POLLIN, -1)).toBe(POLLIN);
    await client.nonBlock(true);
    // Full, then room for a fragment, again and again.
    for (let turn = 0; turn < 5; turn++) {
      await expect(
        (async () => {
          for (;;) await client.fill(65_536);
        })(),
      ).rejects.toEqual(EAGAIN);
      expect(await client.poll(POLLOUT, -1)).toBe(POLLOUT);
    }
    await client.plain(oss.SNDCTL_DSP_RESET);
    await client.close();
  });

  test("GETOSPACE is what a write takes, while it plays too", async () => {
    const client = await served.open("dsp", O_WRONLY);
    await spaceIsWhatIsTaken(client);
    await client.close();
  });

  test("one file plays and records at the same time: it hears itself", async () => {
    const samples = noise(6 * FRAGMENT, 30);
    const client = await served.open("dsp", O_RDWR);
    await client.configure();
    await client.read(4);
    await client.write(samples);
    const heardBack: Uint8Array[] = [];
    while (!Buffer.concat(heardBack).includes(samples.subarray(-64))) heardBack.push(await client.read(9000));
    const all = Buffer.concat(heardBack);
    const at = all.indexOf(samples.subarray(0, 64));
    expect(all.subarray(at, at + samples.length).equals(samples)).toBe(true);
    expect((await client.ask(oss.SNDCTL_DSP_GETIPTR)).bytes).toBeGreaterThanOrEqual(all.length);
    await client.close();
  });

  test("two programs at once are mixed, and a third one's level is its own", async () => {
    // Of a name each: servers remember a level by it.
    const one = await served.open("dsp", O_WRONLY);
    const two = await served.open("adsp", O_WRONLY, server.environment, 32);
    for (const client of [one, two]) {
      await client.configure();
      await client.write(noise(8, 40));
    }
    expect(await one.int(oss.SOUND_MIXER_WRITE_PCM, 0x1932)).toBe(0x1932);
    const levels = async () => {
      const inputs = await server.pactl("list", "sink-inputs");
      const all = inputs.split("Sink Input #").slice(1);
      return all.map((input) => {
        const pid = /application.process.id = "(\d+)"/.exec(input)?.[1];
        return [pid, ...[...input.matchAll(/(\d+)% \//g)].map(([, level]) => level)].join(" ");
      });
    };
    const expected = [`${one.pid} 50 25`, `${two.pid} 100 100`].sort();
    // PipeWire says a moment later what it has done.
    await expect.poll(async () => (await levels()).sort(), { timeout: 30_000 }).toEqual(expected);
    await one.close();
    await two.close();
  });

  test("the level at which a file records is its own", async () => {
    const client = await served.open("dsp", O_RDONLY);
    await client.configure();
    expect(await client.int(v4.SNDCTL_DSP_SETRECVOL, 0x1932)).toBe(0x1932);
    await client.read(4);
    const levels = async () => {
      const outputs = (await server.pactl("list", "source-outputs")).split("Source Output #");
      const own = outputs.find((output) => output.includes(`application.process.id = "${client.pid}"`)) ?? "";
      return [...own.matchAll(/(\d+)% \//g)].map(([, level]) => Number(level));
    };
    await expect.poll(levels).toEqual([50, 25]);
    await client.int(v4.SNDCTL_DSP_SETRECVOL, 0x4b4b);
    await expect.poll(levels).toEqual([75, 75]);
    await client.close();
  });

  test("/dev/mixer is the server's output and input, and sees what others change", async () => {
    const client = await served.open("mixer", O_RDWR);
    expect(await client.int(oss.SOUND_MIXER_WRITE_VOLUME, 0x2832)).toBe(0x2832);
    expect(await server.pactl("get-sink-volume", "@DEFAULT_SINK@")).toMatch(/ 50% .* 40% /s);
    await server.pactl("set-sink-volume", "@DEFAULT_SINK@", "70%");
    expect(await client.int(oss.SOUND_MIXER_READ_VOLUME)).toBe((70 << 8) | 70);
    await server.pactl("set-sink-volume", "@DEFAULT_SINK@", "100%");
    expect(await client.int(oss.SOUND_MIXER_WRITE_IGAIN, 0x1e1e)).toBe(0x1e1e);
    expect(await server.pactl("get-source-volume", "@DEFAULT_SOURCE@")).toContain(" 30% ");
    await server.pactl("set-source-volume", "@DEFAULT_SOURCE@", "100%");
    await client.close();
  });

  test("a server that is another one while a program plays: it goes on", async () => {
    const next = await Server.start();
    const place = join(served.folder, "server");
    symlinkSync(server.socket, place);
    const client = await served.open("dsp", O_WRONLY, { ...server.environment, PULSE_SERVER: `unix:${place}` });
    await client.configure();
    const writing = client.write(noise(600_000, 50));
    rmSync(place);
    symlinkSync(next.socket, place);
    await server.kill();
    expect(await writing).toBe(600_000);
    recorder = await next.record();
    const samples = noise(20_000, 51);
    await client.write(samples);
    await client.plain(oss.SNDCTL_DSP_SYNC);
    await heard(recorder, samples);
    await client.close();
    await recorder.stop();
    await next.stop();
    await server.restart();
  });

  test("a server that is gone or hangs is an error, and when it is back the same file plays again", async () => {
    const client = await served.open("dsp", O_WRONLY);
    await client.configure();
    await client.write(noise(8192, 60));
    server.pause();
    // More than the server holds: it waits until it is clear that nobody answers.
    await expect(client.write(noise(400_000, 61))).rejects.toEqual(EIO);
    server.resume();
    await server.kill();
    await expect(
      (async () => {
        for (;;) await client.write(noise(65_536, 62));
      })(),
    ).rejects.toEqual(EIO);
    await expect(served.open("dsp", O_RDONLY)).rejects.toEqual(expect.objectContaining({ code: "ENODEV" }));
    await server.restart();
    const by = await recording();
    const samples = noise(20_000, 63);
    await client.write(samples);
    await client.plain(oss.SNDCTL_DSP_SYNC);
    await heard(by, samples);
    await client.nonBlock(true);
    await expect(
      (async () => {
        for (;;) await client.write(noise(65_536, 64));
      })(),
    ).rejects.toEqual(EAGAIN);
    await client.close();
  });

  test("status tells what each program plays and records, live, and when there is no daemon", async () => {
    const control = ["--control", controlIn(served.folder)];
    const watching = spawn(BUNDLE, ["status", "--json", "--watch", ...control], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const reports = createInterface({ input: watching.stdout })[Symbol.asyncIterator]();
    const streams = async () => JSON.parse((await reports.next()).value).status.streams;
    // A file of the test before may play out yet: close(2) does not wait for that on FUSE.
    let rows = await streams();
    while (rows.length > 0) rows = await streams();
    const client = await served.open("dsp", O_RDWR);
    await client.configure();
    await client.int(oss.SOUND_MIXER_WRITE_PCM, 0x1932);
    await client.write(noise(300_000, 70));
    while (rows.length === 0) rows = await streams();
    const uid = process.geteuid?.() ?? 0;
    const common = { device: join(served.folder, "dsp"), program: expect.any(String), pid: client.pid, uid };
    const sound = { format: "S16_LE", rate: 48_000, channels: 2, latencyMs: expect.any(Number) };
    expect(rows).toEqual([
      { ...common, ...sound, direction: "play", state: expect.any(String), underruns: 0, volume: [50, 25] },
      { ...common, ...sound, direction: "record", state: "idle", overruns: 0, volume: [100, 100] },
    ]);
    await client.close();
    while (rows.length > 0) rows = await streams();
    watching.kill();
    const text = await promisify(execFile)(BUNDLE, ["status", ...control]);
    expect(text.stdout).toMatch(/^devlift-oss \S+, process \d+, up .*\nserver: each user's own sound server\n/);
    const nobody = promisify(execFile)(BUNDLE, ["status", "--control", join(served.folder, "none")]);
    await expect(nobody).rejects.toMatchObject({
      code: 1,
      stderr: `devlift-oss: no daemon listens at ${join(served.folder, "none")}\n`,
    });
  });

  test("sndstat says what there is", async () => {
    expect(await readFile(join(served.folder, "sndstat"), "utf8")).toMatch(/^Sound Driver:4\.1.*\n0: .*dsp: /s);
  });
});
