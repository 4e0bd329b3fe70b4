// Bad values for every ioctl: an errno that is documented, or a value that is in bounds; no defect of ours is logged, and
// the stream goes on.

import { type Command, type Logger, silent } from "@devlift/core";
import * as oss from "@devlift/uapi/soundcard";
import { expect, test } from "vitest";
import { DSP_COMMANDS } from "../src/dsp-ioctls.ts";
import { DSP4_COMMANDS } from "../src/dsp4-ioctls.ts";
import { MIXER_EXT_COMMANDS } from "../src/mixer-ext-ioctls.ts";
import { MIXER_COMMANDS } from "../src/mixer-ioctls.ts";
import { SYSTEM_COMMANDS } from "../src/system-ioctls.ts";
import { bench, O_RDONLY, O_RDWR, O_WRONLY, settled } from "./bench.ts";

const ALL: Readonly<Record<string, Command<unknown>>> = {
  ...DSP_COMMANDS,
  ...DSP4_COMMANDS,
  ...SYSTEM_COMMANDS,
  ...MIXER_COMMANDS,
  ...MIXER_EXT_COMMANDS,
};
const INTS = [-(2 ** 31), -2, -1, 0, 1, 2, 15, 24, 25, 32, 33, 128, 129, 0xffff, 0x10000, 0x7fff_0000, 0x7fff_ffff];

test.each([
  ["playing", O_WRONLY],
  ["recording", O_RDONLY],
  ["both", O_RDWR],
])("opened for %s", async (_what, flags) => {
  const defects: unknown[] = [];
  const log: Logger = { ...silent, error: (fields, message) => defects.push([fields, message]) };
  const { server, dsp } = await bench(undefined, log);
  const outcomes = new Set<string>();
  for (const [name, command] of Object.entries(ALL)) {
    // Of SYNC nobody would tell when it is over.
    if (command === oss.SNDCTL_DSP_SYNC) continue;
    const program = await dsp(flags);
    if (flags !== O_RDONLY) await program.file.write(new Uint8Array(100));
    for (const value of INTS) {
      // The int at the beginning is what is looked at; what a string is made of comes after.
      const memory = new Uint8Array(4096).fill(value & 0xff);
      new DataView(memory.buffer).setInt32(0, value, true);
      const outcome = await program.raw(command, memory).then(
        () => "done",
        (error: { code: string }) => error.code,
      );
      outcomes.add(outcome);
      expect([name, value, defects]).toEqual([name, value, []]);
    }
    const rate = await program.int(oss.SOUND_PCM_READ_RATE);
    const channels = await program.int(oss.SOUND_PCM_READ_CHANNELS);
    expect([rate >= 1000 && rate <= 192_000, channels >= 1 && channels <= 32]).toEqual([true, true]);
    if (flags === O_RDONLY) continue;
    await program.int(oss.SNDCTL_DSP_SETTRIGGER, oss.PCM_ENABLE.PCM_ENABLE_OUTPUT);
    await program.plain(oss.SNDCTL_DSP_RESET);
    const { bytes, fragsize } = await program.ask(oss.SNDCTL_DSP_GETOSPACE);
    expect(bytes).toBeGreaterThanOrEqual(2 * fragsize);
    expect(await program.file.write(new Uint8Array(fragsize))).toBe(fragsize);
    await settled();
    server.advance(5000);
    expect(server.stream.heard.length).toBe(fragsize);
  }
  expect([...outcomes].filter((outcome) => !["done", "EINVAL", "EIO"].includes(outcome))).toEqual([]);
});
