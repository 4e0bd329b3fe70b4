// What OSS 4 adds, on a virtual server.

import * as v4 from "@devlift/uapi/oss4";
import * as oss from "@devlift/uapi/soundcard";
import { expect, test } from "vitest";
import { bench, O_RDONLY, O_RDWR, O_WRONLY, settled } from "./bench.ts";

const EINVAL = expect.objectContaining({ code: "EINVAL" });

test("a program finds out what there is, on a dsp and on a mixer", async () => {
  const { dsp, mixer } = await bench();
  for (const program of [await dsp(), await mixer()]) {
    expect(await program.int(oss.OSS_GETVERSION)).toBe(0x040100);
    const { numaudios, numaudioengines, nummixers, numcards, version } = await program.ask(v4.SNDCTL_SYSINFO);
    expect({ numaudios, numaudioengines, nummixers, numcards, version }).toEqual({
      ...{ numaudios: 2, numaudioengines: 2, nummixers: 1, numcards: 1, version: "1.2" },
    });
    const { PCM_CAP_INPUT, PCM_CAP_OUTPUT } = v4.PCM_CAP;
    for (const command of [v4.SNDCTL_AUDIOINFO, v4.SNDCTL_ENGINEINFO]) {
      expect(await program.ask(command, { dev: -1 })).toMatchObject({ dev: 0, devnode: "/dev/dsp", enabled: 1 });
      const second = await program.ask(command, { dev: 1 });
      expect(second).toMatchObject({ devnode: "/dev/adsp", max_rate: 192_000, max_channels: 32, oformats: 0x5f1fb });
      expect(second.caps & (PCM_CAP_INPUT | PCM_CAP_OUTPUT)).toBe(PCM_CAP_INPUT | PCM_CAP_OUTPUT);
      await expect(program.ask(command, { dev: 2 })).rejects.toEqual(EINVAL);
    }
    expect(await program.ask(v4.SNDCTL_MIXERINFO, { dev: 0 })).toMatchObject({ devnode: "/dev/mixer", nrext: 4 });
    await expect(program.ask(v4.SNDCTL_MIXERINFO, { dev: 1 })).rejects.toEqual(EINVAL);
    expect(await program.ask(v4.SNDCTL_CARDINFO, { card: 0 })).toMatchObject({ hw_info: "virtual" });
    await expect(program.ask(v4.SNDCTL_CARDINFO, { card: 1 })).rejects.toEqual(EINVAL);
    expect([await program.int(v4.SNDCTL_MIX_NRMIX), await program.int(v4.SNDCTL_MIX_NREXT)]).toEqual([1, 4]);
  }
});

test("the mixer's levels are controls that a program enumerates, and the same values as OSS 3's", async () => {
  const { server, mixer } = await bench();
  const program = await mixer(O_RDWR, 1);
  const found: unknown[] = [];
  for (let ctrl = 0; ctrl < (await program.int(v4.SNDCTL_MIX_NREXT, -1)); ctrl++) {
    const { type, id, extname, parent, minvalue, maxvalue, control_no } = await program.ask(v4.SNDCTL_MIX_EXTINFO, {
      ctrl,
    });
    expect(extname).toBe(id);
    found.push([type, id, parent, minvalue, maxvalue, control_no]);
  }
  expect(found).toEqual([
    [v4.MIXT.MIXT_DEVROOT, "SOUND SERVER", -1, 0, 0, -1],
    [v4.MIXT.MIXT_STEREOSLIDER, "vol", 0, 0, 100, 0],
    [v4.MIXT.MIXT_STEREOSLIDER, "pcm", 0, 0, 100, 4],
    [v4.MIXT.MIXT_STEREOSLIDER, "igain", 0, 0, 100, 12],
  ]);
  expect(await program.ask(v4.SNDCTL_MIX_WRITE, { ctrl: 1, value: 0xff20 })).toMatchObject({ value: 0x6420 });
  expect(server.levels.output).toEqual({ left: 0x20, right: 100 });
  expect(await program.int(oss.SOUND_MIXER_READ_VOLUME)).toBe(0x6420);
  expect(await program.ask(v4.SNDCTL_MIX_READ, { ctrl: 3 })).toMatchObject({ value: (50 << 8) | 50 });
  expect(await program.ask(v4.SNDCTL_MIX_EXTINFO, { ctrl: 1 })).toMatchObject({ update_counter: 1 });
  for (const where of [{ ctrl: 4 }, { ctrl: -1 }, { dev: 1 }, { dev: -2 }])
    await expect(program.ask(v4.SNDCTL_MIX_EXTINFO, where)).rejects.toEqual(EINVAL);
  for (const command of [v4.SNDCTL_MIX_READ, v4.SNDCTL_MIX_WRITE])
    await expect(program.ask(command, { ctrl: 0 })).rejects.toEqual(EINVAL);
  await expect(program.raw(v4.SNDCTL_MIX_ENUMINFO, new Uint8Array(4096))).rejects.toEqual(EINVAL);
  await expect(program.int(v4.SNDCTL_MIX_NREXT, 1)).rejects.toEqual(EINVAL);
});

test("the level of a stream is its own, and is there before the stream and after the next", async () => {
  const { server, dsp } = await bench();
  const [one, two] = [await dsp(), await dsp()];
  expect(await one.int(v4.SNDCTL_DSP_GETPLAYVOL)).toBe(0x6464);
  expect(await one.int(v4.SNDCTL_DSP_SETPLAYVOL, 0xff0a)).toBe(0x640a);
  for (const program of [one, two]) await program.write(1);
  await settled();
  expect(server.playing.map(({ spec }) => spec.volume)).toEqual([{ left: 10, right: 100 }, undefined]);
  await one.plain(v4.SNDCTL_DSP_HALT_OUTPUT);
  await one.write(1);
  await settled();
  expect([server.stream.spec.volume, await one.int(v4.SNDCTL_DSP_GETPLAYVOL)]).toEqual([
    { left: 10, right: 100 },
    0x640a,
  ]);
});

test("the level at which a file records is its own, before its stream, in it, and after the next", async () => {
  const { server, dsp } = await bench();
  const program = await dsp(O_RDONLY);
  expect(await program.int(v4.SNDCTL_DSP_GETRECVOL)).toBe(0x6464);
  expect(await program.int(v4.SNDCTL_DSP_SETRECVOL, 0xff0a)).toBe(0x640a);
  await program.file.poll();
  await settled();
  expect(server.recording[0]?.spec.volume).toEqual({ left: 10, right: 100 });
  await program.int(v4.SNDCTL_DSP_SETRECVOL, 0x1414);
  expect(server.recording[0]?.volume).toEqual({ left: 20, right: 20 });
  await program.plain(v4.SNDCTL_DSP_HALT_INPUT);
  await program.file.poll();
  await program.int(v4.SNDCTL_DSP_SETRECVOL, 0x1e1e);
  await settled();
  expect(server.recording.map(({ volume }) => volume?.left)).toEqual([20, 30]);
  await expect((await dsp(O_WRONLY)).int(v4.SNDCTL_DSP_GETRECVOL)).rejects.toEqual(EINVAL);
});

test("CURRENT_OPTR and CURRENT_IPTR count frames; GETERROR what went wrong, once", async () => {
  const { server, dsp } = await bench();
  const program = await dsp(O_RDWR);
  await program.int(oss.SNDCTL_DSP_SETFRAGMENT, (4 << 16) | 7);
  await program.int(oss.SNDCTL_DSP_CHANNELS, 2);
  await program.file.write(new Uint8Array(512));
  await settled();
  server.advance(16);
  expect(await program.ask(v4.SNDCTL_DSP_CURRENT_OPTR)).toMatchObject({ samples: 128n, fifo_samples: 128 });
  expect(await program.ask(v4.SNDCTL_DSP_GETERROR)).toMatchObject({ play_underruns: 0, rec_overruns: 0 });
  server.advance(100);
  await program.file.poll();
  await settled();
  server.recording[0]?.hear(...new Uint8Array(600));
  expect(await program.ask(v4.SNDCTL_DSP_CURRENT_IPTR)).toMatchObject({ samples: 300n, fifo_samples: 256 });
  expect(await program.ask(v4.SNDCTL_DSP_GETERROR)).toMatchObject({ play_underruns: 1, rec_overruns: 1 });
  expect(await program.ask(v4.SNDCTL_DSP_GETERROR)).toMatchObject({ play_underruns: 0, rec_overruns: 0 });
});

test("a stream that ends by SYNC has had no underrun", async () => {
  const { server, dsp } = await bench();
  const program = await dsp();
  await program.file.write(new Uint8Array(100));
  await settled();
  const sync = program.plain(oss.SNDCTL_DSP_SYNC);
  await settled();
  server.advance(1000);
  await sync;
  expect(await program.ask(v4.SNDCTL_DSP_GETERROR)).toMatchObject({ play_underruns: 0 });
});

test("a low-water mark is when poll says writable, or readable", async () => {
  const { server, dsp } = await bench();
  const player = await dsp(O_WRONLY);
  await player.int(oss.SNDCTL_DSP_SETFRAGMENT, (4 << 16) | 7);
  await player.int(v4.SNDCTL_DSP_LOW_WATER, 300);
  await player.file.write(new Uint8Array(512));
  await settled();
  server.advance(32);
  expect(await player.file.poll()).toBe(0);
  server.advance(16);
  expect(await player.file.poll()).not.toBe(0);

  const recorder = await dsp(O_RDONLY);
  await recorder.int(v4.SNDCTL_DSP_LOW_WATER, 3);
  await recorder.file.poll();
  await settled();
  server.recording[0]?.hear(1, 2);
  expect(await recorder.file.poll()).toBe(0);
  server.recording[0]?.hear(3);
  expect(await recorder.file.poll()).not.toBe(0);
  await expect(recorder.int(v4.SNDCTL_DSP_LOW_WATER, 0)).rejects.toEqual(EINVAL);
});

test("a policy chooses the fragments, unless the program has", async () => {
  const { dsp } = await bench();
  const sizes: number[] = [];
  for (const policy of [0, 5, 10]) {
    const program = await dsp();
    await program.int(oss.SNDCTL_DSP_SPEED, 48_000);
    await program.int(v4.SNDCTL_DSP_POLICY, policy);
    sizes.push(await program.int(oss.SNDCTL_DSP_GETBLKSIZE));
  }
  expect(sizes).toEqual([128, 2048, 32_768]);
  const program = await dsp();
  await program.int(oss.SNDCTL_DSP_SETFRAGMENT, (4 << 16) | 9);
  await program.int(v4.SNDCTL_DSP_POLICY, 0);
  expect(await program.int(oss.SNDCTL_DSP_GETBLKSIZE)).toBe(512);
  await expect(program.int(v4.SNDCTL_DSP_POLICY, 11)).rejects.toEqual(EINVAL);
});

test("a program names its song, its file, and itself", async () => {
  const { server, dsp } = await bench();
  const program = await dsp();
  await program.text(v4.SNDCTL_SETSONG, "Für Elise");
  await program.text(v4.SNDCTL_SETLABEL, "left deck");
  await program.text(v4.SNDCTL_SETNAME, "jukebox\n2");
  expect([await program.text(v4.SNDCTL_GETSONG), await program.text(v4.SNDCTL_GETLABEL)]).toEqual([
    "Für Elise",
    "left deck",
  ]);
  await program.write(1);
  await settled();
  expect(server.stream.spec.program.name).toBe("jukebox?2");
});
