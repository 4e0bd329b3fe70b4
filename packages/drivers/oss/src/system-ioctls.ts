// The ioctls of OSS 4 that tell what there is: the same on every device. One card, which is the sound server; each of our
// dsps is an audio device with an engine of its own, that any number of programs can open.

import { type ArgumentOf, DeviceError, type IoctlHandler } from "@devlift/core";
import * as v4 from "@devlift/uapi/oss4";
import * as oss from "@devlift/uapi/soundcard";
import { ALL_FORMATS } from "./format.ts";
import { CHANNELS, RATES } from "./geometry.ts";
import { CONTROL_COUNT } from "./mixer-ext-ioctls.ts";

/** What the daemon serves. */
export interface Inventory {
  readonly version: string;
  /** Paths of the dsps, by their numbers. */
  readonly audio: readonly string[];
  /** Paths of the mixers, by their numbers. */
  readonly mixers: readonly string[];
  /** The sound server, for a person. */
  readonly server: string;
}

export const SYSTEM_COMMANDS = {
  SNDCTL_SYSINFO: v4.SNDCTL_SYSINFO,
  SNDCTL_MIX_NRMIX: v4.SNDCTL_MIX_NRMIX,
  SNDCTL_AUDIOINFO: v4.SNDCTL_AUDIOINFO,
  SNDCTL_AUDIOINFO_EX: v4.SNDCTL_AUDIOINFO_EX,
  SNDCTL_ENGINEINFO: v4.SNDCTL_ENGINEINFO,
  SNDCTL_MIXERINFO: v4.SNDCTL_MIXERINFO,
  SNDCTL_CARDINFO: v4.SNDCTL_CARDINFO,
};

type Commands = typeof SYSTEM_COMMANDS;
type Handlers = { readonly [K in keyof Commands]: IoctlHandler<unknown, ArgumentOf<Commands[K]>> };

/** 4.1: what programs look at to know that the rest is there. */
export const OSS_VERSION = 0x040100;

const { DSP_CAP_DUPLEX, DSP_CAP_MULTI, DSP_CAP_REALTIME, DSP_CAP_TRIGGER } = oss.DSP_CAP;
const { PCM_CAP_INPUT, PCM_CAP_OUTPUT, PCM_CAP_VIRTUAL, PCM_CAP_FREERATE } = v4.PCM_CAP;
export const DEVICE_CAPS =
  DSP_CAP_DUPLEX |
  DSP_CAP_MULTI |
  DSP_CAP_REALTIME |
  DSP_CAP_TRIGGER |
  PCM_CAP_INPUT |
  PCM_CAP_OUTPUT |
  PCM_CAP_VIRTUAL;

/** @param own the path of the device whose ioctls these are */
export function systemIoctls({ version, audio, mixers, server }: Inventory, own: string): Handlers {
  const audioInfo = ({ arg }: { readonly arg: v4.oss_audioinfo }): void => {
    // A mixer is no audio device, so what is its own there is the first.
    const dev = arg.dev === -1 ? Math.max(0, audio.indexOf(own)) : arg.dev;
    const devnode = audio[dev];
    if (devnode === undefined) throw new DeviceError("EINVAL", `there is no audio device ${arg.dev}`);
    Object.assign(arg, {
      ...{ dev, devnode, name: "Sound server", busy: 0, pid: -1, cmd: "", handle: devnode.slice(0, 31) },
      ...{ caps: DEVICE_CAPS | PCM_CAP_FREERATE, iformats: ALL_FORMATS, oformats: ALL_FORMATS },
      ...{ card_number: 0, port_number: dev, mixer_dev: mixers.length > 0 ? 0 : -1, legacy_device: dev, enabled: 1 },
      ...{ min_rate: RATES.least, max_rate: RATES.most, min_channels: 1, max_channels: CHANNELS.most, binding: 0 },
      ...{ rate_source: dev, nrates: 0, song_name: "", label: "", latency: -1 },
      ...{ next_play_engine: dev, next_rec_engine: dev },
    });
  };
  return {
    SNDCTL_SYSINFO({ arg }) {
      Object.assign(arg, {
        ...{ product: "Devlift OSS", version, versionnum: OSS_VERSION, license: "MIT", numcards: 1 },
        ...{ numaudios: audio.length, numaudioengines: audio.length, nummixers: mixers.length },
      });
    },
    SNDCTL_MIX_NRMIX({ arg }) {
      arg.value = mixers.length;
    },
    SNDCTL_AUDIOINFO: audioInfo,
    SNDCTL_AUDIOINFO_EX: audioInfo,
    SNDCTL_ENGINEINFO: audioInfo,
    SNDCTL_MIXERINFO({ arg }) {
      const dev = arg.dev === -1 ? Math.max(0, mixers.indexOf(own)) : arg.dev;
      const devnode = mixers[dev];
      if (devnode === undefined) throw new DeviceError("EINVAL", `there is no mixer ${arg.dev}`);
      Object.assign(arg, {
        ...{ dev, devnode, id: "DEVLIFT", name: "Sound server", card_number: 0, port_number: dev },
        ...{ handle: devnode.slice(0, 31), enabled: 1, nrext: CONTROL_COUNT, priority: 0, legacy_device: dev },
      });
    },
    SNDCTL_CARDINFO({ arg }) {
      if (arg.card !== 0 && arg.card !== -1) throw new DeviceError("EINVAL", `there is no card ${arg.card}`);
      Object.assign(arg, { card: 0, shortname: "DEVLIFT", longname: "Sound server", hw_info: server.slice(0, 399) });
    },
  };
}
