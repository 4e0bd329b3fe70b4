// The mixer extension of OSS 4: the same levels as OSS 3's, as controls that a program enumerates. The first is the root,
// which the others are in; none is an enumeration.

import { type ArgumentOf, DeviceError, type IoctlHandler } from "@devlift/core";
import * as v4 from "@devlift/uapi/oss4";
import * as oss from "@devlift/uapi/soundcard";
import { fromLevel, toLevel } from "./level.ts";
import type { Mixer, Slot } from "./mixer.ts";

export const MIXER_EXT_COMMANDS = {
  SNDCTL_MIX_NREXT: v4.SNDCTL_MIX_NREXT,
  SNDCTL_MIX_EXTINFO: v4.SNDCTL_MIX_EXTINFO,
  SNDCTL_MIX_READ: v4.SNDCTL_MIX_READ,
  SNDCTL_MIX_WRITE: v4.SNDCTL_MIX_WRITE,
  SNDCTL_MIX_ENUMINFO: v4.SNDCTL_MIX_ENUMINFO,
};

type Commands = typeof MIXER_EXT_COMMANDS;
type Handlers<State> = { readonly [K in keyof Commands]: IoctlHandler<State, ArgumentOf<Commands[K]>> };

const { MIXT_DEVROOT, MIXT_STEREOSLIDER } = v4.MIXT;
const { MIXF_READABLE, MIXF_WRITEABLE, MIXF_POLL, MIXF_MAINVOL, MIXF_PCMVOL, MIXF_RECVOL } = v4.MIXF;
const { SOUND_MIXER_VOLUME, SOUND_MIXER_PCM, SOUND_MIXER_IGAIN } = oss.SOUND_MIXER;

interface Control {
  readonly name: string;
  /** undefined: the root. */
  readonly slot?: Slot;
  readonly flag: number;
  /** Of OSS 3; -1: none. */
  readonly number: number;
}

const CONTROLS: readonly Control[] = [
  { name: "SOUND SERVER", flag: 0, number: -1 },
  { name: "vol", slot: "volume", flag: MIXF_MAINVOL, number: SOUND_MIXER_VOLUME },
  { name: "pcm", slot: "pcm", flag: MIXF_PCMVOL, number: SOUND_MIXER_PCM },
  { name: "igain", slot: "igain", flag: MIXF_RECVOL, number: SOUND_MIXER_IGAIN },
];
export const CONTROL_COUNT: number = CONTROLS.length;
/** Which set of controls it is, that a value is for: there is one. */
const TIMESTAMP = 1;

/**
 * @param mixers how many there are, all with the same controls
 * @param mixerOf the mixer that the state of an open file has
 */
export function mixerExtIoctls<State>(mixers: number, mixerOf: (state: State) => Mixer): Handlers<State> {
  const control = ({ dev, ctrl }: { readonly dev: number; readonly ctrl: number }): Control => {
    check(dev);
    const found = CONTROLS[ctrl];
    if (found === undefined) throw new DeviceError("EINVAL", `the mixer has no control ${ctrl}`);
    return found;
  };
  /** -1 is the one of the file that is asked. */
  const check = (dev: number) => {
    if (dev < -1 || dev >= mixers) throw new DeviceError("EINVAL", `there is no mixer ${dev}`);
  };
  const slotOf = (arg: { readonly dev: number; readonly ctrl: number }): Slot => {
    const { slot } = control(arg);
    if (slot === undefined) throw new DeviceError("EINVAL", "the root of the mixer has no value");
    return slot;
  };
  return {
    SNDCTL_MIX_NREXT({ arg }) {
      check(arg.value);
      arg.value = CONTROL_COUNT;
    },
    SNDCTL_MIX_EXTINFO({ state, arg }) {
      const { name, slot, flag, number } = control(arg);
      const isRoot = slot === undefined;
      Object.assign(arg, {
        ...{ type: isRoot ? MIXT_DEVROOT : MIXT_STEREOSLIDER, minvalue: 0, maxvalue: isRoot ? 0 : 100 },
        flags: isRoot ? 0 : MIXF_READABLE | MIXF_WRITEABLE | MIXF_POLL | flag,
        ...{ id: name, extname: name, parent: isRoot ? -1 : 0, timestamp: TIMESTAMP, control_no: number },
        ...{ data: "", desc: 0, rgbcolor: 0, update_counter: mixerOf(state).changes },
      });
    },
    async SNDCTL_MIX_READ({ state, arg }) {
      arg.value = toLevel(await mixerOf(state).get(slotOf(arg)));
    },
    async SNDCTL_MIX_WRITE({ state, arg }) {
      arg.value = toLevel(await mixerOf(state).set(slotOf(arg), fromLevel(arg.value)));
    },
    SNDCTL_MIX_ENUMINFO({ arg }) {
      throw new DeviceError("EINVAL", `${control(arg).name} is no enumeration`);
    },
  };
}
