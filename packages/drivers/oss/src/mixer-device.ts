// /dev/mixer. Lifetime of a file: from open(2) to the last close(2); it holds nothing.

import { type AnyDevice, defineDevice } from "@devlift/core";
import type { BackendSource } from "./backend/backend.ts";
import type { Mixers } from "./mixer.ts";
import { MIXER_EXT_COMMANDS, mixerExtIoctls } from "./mixer-ext-ioctls.ts";
import { MIXER_COMMANDS, mixerIoctls } from "./mixer-ioctls.ts";
import { Opener } from "./opener.ts";
import { type Inventory, SYSTEM_COMMANDS, systemIoctls } from "./system-ioctls.ts";

export interface MixerOptions {
  /** Under the folder of the device files. */
  readonly name: string;
  /** Of its file. */
  readonly path: string;
  readonly inventory: Inventory;
  readonly source: BackendSource;
  readonly mixers: Mixers;
}

export function defineMixer({ name, path, inventory, source, mixers }: MixerOptions): AnyDevice {
  return defineDevice({
    name,
    open: ({ caller }) => Opener.of(caller, source),
    release: ({ state }) => state.close(),
    commands: { ...MIXER_COMMANDS, ...MIXER_EXT_COMMANDS, ...SYSTEM_COMMANDS },
    ioctl: {
      ...mixerIoctls((opener: Opener) => mixers.of(opener)),
      ...mixerExtIoctls(inventory.mixers.length, (opener: Opener) => mixers.of(opener)),
      ...systemIoctls(inventory, path),
    },
  });
}
