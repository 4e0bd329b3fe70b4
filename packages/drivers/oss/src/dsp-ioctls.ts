// The ioctls of /dev/dsp, OSS 3, as sound/core/oss/pcm_oss.c answers them.

import { type ArgumentOf, DeviceError, type IoctlHandler } from "@devlift/core";
import { PCM_CAP } from "@devlift/uapi/oss4";
import * as oss from "@devlift/uapi/soundcard";
import type { Capture } from "./capture.ts";
import type { DspFile } from "./dsp-file.ts";
import { ALL_FORMATS, formatOf } from "./format.ts";
import { CHANNELS, RATES, type Settings } from "./geometry.ts";
import type { Playback } from "./playback.ts";

export const DSP_COMMANDS = {
  SNDCTL_DSP_RESET: oss.SNDCTL_DSP_RESET,
  SNDCTL_DSP_SYNC: oss.SNDCTL_DSP_SYNC,
  SNDCTL_DSP_SPEED: oss.SNDCTL_DSP_SPEED,
  SNDCTL_DSP_STEREO: oss.SNDCTL_DSP_STEREO,
  SNDCTL_DSP_GETBLKSIZE: oss.SNDCTL_DSP_GETBLKSIZE,
  SNDCTL_DSP_SETFMT: oss.SNDCTL_DSP_SETFMT,
  SNDCTL_DSP_CHANNELS: oss.SNDCTL_DSP_CHANNELS,
  SOUND_PCM_WRITE_FILTER: oss.SOUND_PCM_WRITE_FILTER,
  SNDCTL_DSP_POST: oss.SNDCTL_DSP_POST,
  SNDCTL_DSP_SUBDIVIDE: oss.SNDCTL_DSP_SUBDIVIDE,
  SNDCTL_DSP_SETFRAGMENT: oss.SNDCTL_DSP_SETFRAGMENT,
  SNDCTL_DSP_GETFMTS: oss.SNDCTL_DSP_GETFMTS,
  SNDCTL_DSP_GETOSPACE: oss.SNDCTL_DSP_GETOSPACE,
  SNDCTL_DSP_GETISPACE: oss.SNDCTL_DSP_GETISPACE,
  SNDCTL_DSP_NONBLOCK: oss.SNDCTL_DSP_NONBLOCK,
  SNDCTL_DSP_GETCAPS: oss.SNDCTL_DSP_GETCAPS,
  SNDCTL_DSP_GETTRIGGER: oss.SNDCTL_DSP_GETTRIGGER,
  SNDCTL_DSP_SETTRIGGER: oss.SNDCTL_DSP_SETTRIGGER,
  SNDCTL_DSP_GETIPTR: oss.SNDCTL_DSP_GETIPTR,
  SNDCTL_DSP_GETOPTR: oss.SNDCTL_DSP_GETOPTR,
  SNDCTL_DSP_MAPINBUF: oss.SNDCTL_DSP_MAPINBUF,
  SNDCTL_DSP_MAPOUTBUF: oss.SNDCTL_DSP_MAPOUTBUF,
  SNDCTL_DSP_SETSYNCRO: oss.SNDCTL_DSP_SETSYNCRO,
  SNDCTL_DSP_SETDUPLEX: oss.SNDCTL_DSP_SETDUPLEX,
  SNDCTL_DSP_GETODELAY: oss.SNDCTL_DSP_GETODELAY,
  SNDCTL_DSP_PROFILE: oss.SNDCTL_DSP_PROFILE,
  SOUND_PCM_READ_RATE: oss.SOUND_PCM_READ_RATE,
  SOUND_PCM_READ_CHANNELS: oss.SOUND_PCM_READ_CHANNELS,
  SOUND_PCM_READ_BITS: oss.SOUND_PCM_READ_BITS,
  SOUND_PCM_READ_FILTER: oss.SOUND_PCM_READ_FILTER,
};

type Commands = typeof DSP_COMMANDS;
type Handlers = { readonly [K in keyof Commands]: IoctlHandler<DspFile, ArgumentOf<Commands[K]>> };

/** SB AWE 64's, as the kernel's emulation says it. */
const REVISION = 1;
const INT_MAX = 0x7fff_ffff;
const { DSP_CAP_DUPLEX, DSP_CAP_MULTI, DSP_CAP_REALTIME, DSP_CAP_TRIGGER } = oss.DSP_CAP;
const { PCM_CAP_INPUT, PCM_CAP_OUTPUT } = PCM_CAP;
const { PCM_ENABLE_INPUT, PCM_ENABLE_OUTPUT } = oss.PCM_ENABLE;

export const dspIoctls: Handlers = {
  SNDCTL_DSP_RESET({ state }) {
    state.playback?.reset();
    state.capture?.reset();
  },
  async SNDCTL_DSP_SYNC({ state, signal }) {
    await state.playback?.drain(signal);
    state.capture?.reset();
  },
  SNDCTL_DSP_SPEED({ state, arg }) {
    configure(state, { rate: Math.min(RATES.most, Math.max(RATES.least, arg.value)) });
    arg.value = state.settings.rate;
  },
  SNDCTL_DSP_STEREO({ state, arg }) {
    configure(state, { channels: arg.value > 0 ? 2 : 1 });
    arg.value = state.settings.channels - 1;
  },
  SNDCTL_DSP_CHANNELS({ state, arg }) {
    if (arg.value > CHANNELS.error) throw new DeviceError("EINVAL", `${arg.value} channels`);
    configure(state, { channels: Math.min(CHANNELS.most, Math.max(1, arg.value)) });
    arg.value = state.settings.channels;
  },
  SNDCTL_DSP_SETFMT({ state, arg }) {
    if (arg.value !== oss.AFMT_QUERY.AFMT_QUERY) configure(state, { format: formatOf(arg.value) });
    arg.value = state.settings.format.afmt;
  },
  SNDCTL_DSP_GETFMTS({ arg }) {
    arg.value = ALL_FORMATS;
  },
  SNDCTL_DSP_SUBDIVIDE({ state, arg }) {
    const { subdivision, fragmentShift } = state.settings;
    if (arg.value === 0) arg.value = subdivision || 1;
    else if (subdivision !== 0 || fragmentShift !== 0) throw new DeviceError("EINVAL", "fragments are set already");
    else if (![1, 2, 4, 8, 16].includes(arg.value)) throw new DeviceError("EINVAL", `subdivision ${arg.value}`);
    else configure(state, { subdivision: arg.value });
  },
  SNDCTL_DSP_SETFRAGMENT({ state, arg }) {
    const { subdivision, fragmentShift } = state.settings;
    if (subdivision !== 0 || fragmentShift !== 0) throw new DeviceError("EINVAL", "fragments are set already");
    const shift = arg.value & 0xffff;
    if (shift > MOST_SHIFT) throw new DeviceError("EINVAL", `fragments of 2^${shift} bytes`);
    configure(state, { fragmentShift: Math.max(4, shift), mostFragments: Math.max(2, arg.value >>> 16) });
  },
  SNDCTL_DSP_GETBLKSIZE({ state, arg }) {
    arg.value = (state.playback ?? state.capture)?.geometry.fragment ?? 0;
  },
  SNDCTL_DSP_GETOSPACE({ state, arg }) {
    Object.assign(arg, playing(state).space);
  },
  SNDCTL_DSP_GETISPACE({ state, arg }) {
    Object.assign(arg, recording(state).space);
  },
  SNDCTL_DSP_GETODELAY({ state, arg }) {
    arg.value = playing(state).delay;
  },
  SNDCTL_DSP_GETOPTR({ state, arg }) {
    const playback = playing(state);
    const { played, delay, position, geometry } = playback;
    // bytes is what was heard. ptr is where the device takes from, as hw_ptr is in pcm_oss.c: who waits for room looks
    // there (alsa-plugins, oss/pcm_oss.c).
    Object.assign(arg, { bytes: played & INT_MAX, blocks: Math.floor(delay / geometry.fragment), ptr: position });
  },
  SNDCTL_DSP_GETIPTR({ state, arg }) {
    const { recorded, available, geometry } = recording(state);
    const blocks = Math.floor(available / geometry.fragment);
    Object.assign(arg, { bytes: recorded & INT_MAX, blocks, ptr: recorded % geometry.buffer });
  },
  SNDCTL_DSP_NONBLOCK({ file }) {
    file.setNonBlocking(true);
  },
  SNDCTL_DSP_GETCAPS({ state: { playback, capture }, arg }) {
    const duplex = playback !== undefined && capture !== undefined ? DSP_CAP_DUPLEX : 0;
    const directions = (playback === undefined ? 0 : PCM_CAP_OUTPUT) | (capture === undefined ? 0 : PCM_CAP_INPUT);
    arg.value = REVISION | DSP_CAP_TRIGGER | DSP_CAP_REALTIME | DSP_CAP_MULTI | duplex | directions;
  },
  SNDCTL_DSP_GETTRIGGER({ state: { playback, capture }, arg }) {
    arg.value = (playback?.triggered ? PCM_ENABLE_OUTPUT : 0) | (capture?.triggered ? PCM_ENABLE_INPUT : 0);
  },
  SNDCTL_DSP_SETTRIGGER({ state: { playback, capture }, arg }) {
    playback?.trigger((arg.value & PCM_ENABLE_OUTPUT) !== 0);
    capture?.trigger((arg.value & PCM_ENABLE_INPUT) !== 0);
  },
  SNDCTL_DSP_POST({ state }) {
    state.playback?.post();
  },
  SOUND_PCM_READ_RATE({ state, arg }) {
    arg.value = state.settings.rate;
  },
  SOUND_PCM_READ_CHANNELS({ state, arg }) {
    arg.value = state.settings.channels;
  },
  // The format, not its bits: pcm_oss.c.
  SOUND_PCM_READ_BITS({ state, arg }) {
    arg.value = state.settings.format.afmt;
  },
  SOUND_PCM_READ_FILTER: noFilter,
  SOUND_PCM_WRITE_FILTER: noFilter,
  SNDCTL_DSP_MAPINBUF: noMapping,
  SNDCTL_DSP_MAPOUTBUF: noMapping,
  // Done, because there is no other stream to start with (pcm_oss.c).
  SNDCTL_DSP_SETSYNCRO() {},
  SNDCTL_DSP_SETDUPLEX({ state }) {
    if (state.playback === undefined || state.capture === undefined)
      throw new DeviceError("EIO", "it was not opened for both directions");
  },
  // What it asks for is a hint.
  SNDCTL_DSP_PROFILE() {},
};

/** 16 MiB; no machine has a larger one (pcm_oss.c). */
const MOST_SHIFT = 24;

/** Settings that are the same change nothing, and nothing is lost. */
export function configure(file: DspFile, change: Partial<Settings>): void {
  const settings = { ...file.settings, ...change };
  const changed = KEYS.some((key) => settings[key] !== file.settings[key]);
  if (!changed) return;
  file.settings = settings;
  file.playback?.configure(settings);
  file.capture?.configure(settings);
}

const KEYS = ["format", "rate", "channels", "fragmentShift", "mostFragments", "subdivision"] as const;

export function playing({ playback }: DspFile): Playback {
  if (playback === undefined) throw new DeviceError("EINVAL", "it was opened for recording only");
  return playback;
}

export function recording({ capture }: DspFile): Capture {
  if (capture === undefined) throw new DeviceError("EINVAL", "it was opened for playing only");
  return capture;
}

function noFilter(): never {
  throw new DeviceError("EIO", "there is no filter");
}

function noMapping(): never {
  throw new DeviceError("EINVAL", "there is no buffer to map");
}
