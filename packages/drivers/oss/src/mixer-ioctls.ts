// The ioctls of /dev/mixer, OSS 3, which a dsp answers too: sound/core/oss/mixer_oss.c.

import {
  type ArgumentOf,
  type Command,
  DeviceError,
  type Infer,
  type IoctlHandler,
  int,
  ior,
  iowr,
  struct,
} from "@devlift/core";
import * as oss from "@devlift/uapi/soundcard";
import { fromLevel, toLevel } from "./level.ts";
import type { Mixer, Slot } from "./mixer.ts";
import { OSS_VERSION } from "./system-ioctls.ts";

const { SOUND_MIXER_VOLUME, SOUND_MIXER_PCM, SOUND_MIXER_IGAIN } = oss.SOUND_MIXER;
const { SOUND_MASK_VOLUME, SOUND_MASK_PCM, SOUND_MASK_IGAIN } = oss.SOUND_MASK;
const SLOTS: ReadonlyMap<number, Slot> = new Map([
  [SOUND_MIXER_VOLUME, "volume"],
  [SOUND_MIXER_PCM, "pcm"],
  [SOUND_MIXER_IGAIN, "igain"],
]);
const DEVICES = SOUND_MASK_VOLUME | SOUND_MASK_PCM | SOUND_MASK_IGAIN;

const Int = struct({ value: int });
type Int = Infer<typeof Int>;

type Names<C> = C extends `SOUND_MIXER_${infer Name}` ? Name : never;
type Channel = Names<keyof typeof oss.SOUND_MIXER>;
type Level = `SOUND_MIXER_${"READ" | "WRITE"}_${Channel}`;

interface LevelCommand {
  readonly name: string;
  readonly slot: number;
  readonly writes: boolean;
}

/** All 25 channels, of which linux/soundcard.h has commands for the first 17. */
const LEVELS: readonly LevelCommand[] = Object.entries(oss.SOUND_MIXER).flatMap(([name, slot]) => [
  { name: name.replace("MIXER", "MIXER_READ"), slot, writes: false },
  { name: name.replace("MIXER", "MIXER_WRITE"), slot, writes: true },
]);

/** One value for each of the names that LEVELS is made of, which TypeScript cannot see. */
function ofLevels<T>(make: (command: LevelCommand) => T): Readonly<Record<Level, T>> {
  return Object.fromEntries(LEVELS.map((command) => [command.name, make(command)])) as Record<Level, T>;
}

const COMMANDS = {
  ...ofLevels<Command<Int>>(({ slot, writes }) => (writes ? iowr("M", slot, Int) : ior("M", slot, Int))),
  SOUND_MIXER_READ_RECSRC: oss.SOUND_MIXER_READ_RECSRC,
  SOUND_MIXER_WRITE_RECSRC: oss.SOUND_MIXER_WRITE_RECSRC,
  SOUND_MIXER_READ_DEVMASK: oss.SOUND_MIXER_READ_DEVMASK,
  SOUND_MIXER_READ_RECMASK: oss.SOUND_MIXER_READ_RECMASK,
  SOUND_MIXER_READ_STEREODEVS: oss.SOUND_MIXER_READ_STEREODEVS,
  SOUND_MIXER_READ_CAPS: oss.SOUND_MIXER_READ_CAPS,
  SOUND_MIXER_INFO: oss.SOUND_MIXER_INFO,
  SOUND_OLD_MIXER_INFO: oss.SOUND_OLD_MIXER_INFO,
  OSS_GETVERSION: oss.OSS_GETVERSION,
};
export const MIXER_COMMANDS: typeof COMMANDS = COMMANDS;

type Handlers<State> = { readonly [K in keyof typeof COMMANDS]: IoctlHandler<State, ArgumentOf<(typeof COMMANDS)[K]>> };

/** @param mixerOf the mixer that the state of an open file has */
export function mixerIoctls<State>(mixerOf: (state: State) => Mixer): Handlers<State> {
  const inform = (state: State, arg: { id: string; name: string }) => {
    arg.id = "DEVLIFT";
    arg.name = "Sound server";
    return mixerOf(state).changes;
  };
  return {
    ...ofLevels<IoctlHandler<State, Int>>(({ slot: number, writes }) => async ({ state, arg }) => {
      const slot = SLOTS.get(number);
      if (slot === undefined) throw new DeviceError("EINVAL", `the mixer has no channel ${number}`);
      const mixer = mixerOf(state);
      arg.value = toLevel(writes ? await mixer.set(slot, fromLevel(arg.value)) : await mixer.get(slot));
    }),
    SOUND_MIXER_READ_DEVMASK: says(DEVICES),
    SOUND_MIXER_READ_STEREODEVS: says(DEVICES),
    SOUND_MIXER_READ_RECMASK: says(SOUND_MASK_IGAIN),
    SOUND_MIXER_READ_RECSRC: says(SOUND_MASK_IGAIN),
    // There is nothing else to record from.
    SOUND_MIXER_WRITE_RECSRC: says(SOUND_MASK_IGAIN),
    SOUND_MIXER_READ_CAPS: says(0),
    OSS_GETVERSION: says(OSS_VERSION),
    SOUND_OLD_MIXER_INFO({ state, arg }) {
      inform(state, arg);
    },
    SOUND_MIXER_INFO({ state, arg }) {
      arg.modify_counter = inform(state, arg);
    },
  };
}

function says(value: number) {
  return ({ arg }: { readonly arg: Int }): void => {
    arg.value = value;
  };
}
