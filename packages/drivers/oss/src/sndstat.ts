// /dev/sndstat: a page of text, in the form of sound/core/sound_oss.c and info_oss.c, that says what there is.
// Lifetime of a file: the page is made at open(2), and read from there on.

import { type AnyDevice, defineDevice } from "@devlift/core";
import type { Inventory } from "./system-ioctls.ts";

export interface SndstatOptions {
  /** Under the folder of the device files. */
  readonly name: string;
  readonly inventory: Inventory;
}

export function defineSndstat({ name, inventory }: SndstatOptions): AnyDevice {
  const page = new TextEncoder().encode(pageOf(inventory));
  return defineDevice({
    name,
    open: () => ({ at: 0 }),
    read({ state, length }) {
      const given = page.subarray(state.at, state.at + length);
      state.at += given.length;
      return given;
    },
  });
}

function pageOf({ version, audio, mixers, server }: Inventory): string {
  const listed = (paths: readonly string[], what: string) => paths.map((path, index) => `${index}: ${path}: ${what}`);
  return [
    `Sound Driver:4.1 (devlift-oss ${version})`,
    "Config options: 0",
    "",
    "Installed drivers: ",
    "Type 10: sound server",
    "",
    "Card config: ",
    server,
    "",
    "Audio devices:",
    ...listed(audio, "sound server (DUPLEX)"),
    "",
    "Synth devices: NOT ENABLED IN CONFIG",
    "",
    "Midi devices: NOT ENABLED IN CONFIG",
    "",
    "Timers: NOT ENABLED IN CONFIG",
    "",
    "Mixers:",
    ...listed(mixers, "sound server"),
    "",
  ].join("\n");
}
