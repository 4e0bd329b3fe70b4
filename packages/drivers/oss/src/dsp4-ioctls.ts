// The ioctls of /dev/dsp that OSS 4 adds to OSS 3's, as its programmer's documentation has them.

import { type ArgumentOf, DeviceError, type IoctlHandler } from "@devlift/core";
import * as v4 from "@devlift/uapi/oss4";
import type { DspFile } from "./dsp-file.ts";
import { configure, playing, recording } from "./dsp-ioctls.ts";
import { geometryOf } from "./geometry.ts";
import { fromLevel, toLevel } from "./level.ts";

export const DSP4_COMMANDS = {
  SNDCTL_DSP_GETPLAYVOL: v4.SNDCTL_DSP_GETPLAYVOL,
  SNDCTL_DSP_SETPLAYVOL: v4.SNDCTL_DSP_SETPLAYVOL,
  SNDCTL_DSP_GETRECVOL: v4.SNDCTL_DSP_GETRECVOL,
  SNDCTL_DSP_SETRECVOL: v4.SNDCTL_DSP_SETRECVOL,
  SNDCTL_DSP_GETERROR: v4.SNDCTL_DSP_GETERROR,
  SNDCTL_DSP_COOKEDMODE: v4.SNDCTL_DSP_COOKEDMODE,
  SNDCTL_DSP_SILENCE: v4.SNDCTL_DSP_SILENCE,
  SNDCTL_DSP_SKIP: v4.SNDCTL_DSP_SKIP,
  SNDCTL_DSP_HALT_INPUT: v4.SNDCTL_DSP_HALT_INPUT,
  SNDCTL_DSP_HALT_OUTPUT: v4.SNDCTL_DSP_HALT_OUTPUT,
  SNDCTL_DSP_LOW_WATER: v4.SNDCTL_DSP_LOW_WATER,
  SNDCTL_DSP_CURRENT_IPTR: v4.SNDCTL_DSP_CURRENT_IPTR,
  SNDCTL_DSP_CURRENT_OPTR: v4.SNDCTL_DSP_CURRENT_OPTR,
  SNDCTL_DSP_POLICY: v4.SNDCTL_DSP_POLICY,
  SNDCTL_SETSONG: v4.SNDCTL_SETSONG,
  SNDCTL_GETSONG: v4.SNDCTL_GETSONG,
  SNDCTL_SETNAME: v4.SNDCTL_SETNAME,
  SNDCTL_SETLABEL: v4.SNDCTL_SETLABEL,
  SNDCTL_GETLABEL: v4.SNDCTL_GETLABEL,
};

type Commands = typeof DSP4_COMMANDS;
type Handlers = { readonly [K in keyof Commands]: IoctlHandler<DspFile, ArgumentOf<Commands[K]>> };

/** Milliseconds of a fragment for each policy, from the least latency (0) to the fewest wake-ups (10). */
const POLICY_MS = [2, 4, 6, 10, 16, undefined, 32, 64, 128, 250, 500];
const POLICY_FRAGMENTS = 4;

export const dsp4Ioctls: Handlers = {
  SNDCTL_DSP_GETPLAYVOL({ state, arg }) {
    arg.value = toLevel(playing(state).volume);
  },
  SNDCTL_DSP_SETPLAYVOL({ state, arg }) {
    const volume = fromLevel(arg.value);
    playing(state).setVolume(volume);
    arg.value = toLevel(volume);
  },
  SNDCTL_DSP_GETRECVOL({ state, arg }) {
    arg.value = toLevel(recording(state).volume);
  },
  SNDCTL_DSP_SETRECVOL({ state, arg }) {
    const volume = fromLevel(arg.value);
    recording(state).setVolume(volume);
    arg.value = toLevel(volume);
  },
  SNDCTL_DSP_GETERROR({ state, arg }) {
    Object.assign(arg, {
      play_underruns: state.playback?.takeUnderruns() ?? 0,
      rec_overruns: state.capture?.takeOverruns() ?? 0,
    });
  },
  // Conversions are the sound server's, and there is none to be had without.
  SNDCTL_DSP_COOKEDMODE() {},
  // A pause, as programs use it: what is there is not heard any more, and SKIP goes on with what comes.
  SNDCTL_DSP_SILENCE({ state }) {
    playing(state).reset();
  },
  SNDCTL_DSP_SKIP({ state }) {
    playing(state).reset();
  },
  SNDCTL_DSP_HALT_INPUT({ state }) {
    recording(state).reset();
  },
  SNDCTL_DSP_HALT_OUTPUT({ state }) {
    playing(state).reset();
  },
  SNDCTL_DSP_LOW_WATER({ state, arg }) {
    if (arg.value < 1) throw new DeviceError("EINVAL", `a low-water mark of ${arg.value}`);
    state.playback?.setLowWater(arg.value);
    state.capture?.setLowWater(arg.value);
  },
  SNDCTL_DSP_CURRENT_IPTR({ state, arg }) {
    const { recorded, available, geometry } = recording(state);
    count(arg, recorded, available, geometry.frame);
  },
  SNDCTL_DSP_CURRENT_OPTR({ state, arg }) {
    const { played, delay, geometry } = playing(state);
    count(arg, played, delay, geometry.frame);
  },
  SNDCTL_DSP_POLICY({ state, arg }) {
    if (arg.value < 0 || arg.value >= POLICY_MS.length) throw new DeviceError("EINVAL", `policy ${arg.value}`);
    const ms = POLICY_MS[arg.value];
    const { fragmentShift, subdivision, rate } = state.settings;
    // Who has set fragments has said it better; the fifth is what there is without a word.
    if (ms === undefined || fragmentShift !== 0 || subdivision !== 0) return;
    const bytes = (geometryOf(state.settings).frame * rate * ms) / 1000;
    configure(state, { fragmentShift: Math.max(4, Math.round(Math.log2(bytes))), mostFragments: POLICY_FRAGMENTS });
  },
  SNDCTL_SETSONG({ state, arg }) {
    state.song = arg;
  },
  SNDCTL_GETSONG(call) {
    call.arg = call.state.song;
  },
  SNDCTL_SETNAME({ state, arg }) {
    state.opener.rename(arg);
  },
  SNDCTL_SETLABEL({ state, arg }) {
    state.label = arg;
  },
  SNDCTL_GETLABEL(call) {
    call.arg = call.state.label;
  },
};

function count(arg: v4.oss_count, done: number, waiting: number, frame: number): void {
  arg.samples = BigInt(Math.floor(done / frame));
  arg.fifo_samples = Math.floor(waiting / frame);
}
