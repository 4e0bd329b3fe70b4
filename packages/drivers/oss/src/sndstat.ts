// /dev/sndstat: a page of text, in the form of sound/core/sound_oss.c and info_oss.c, that says what there is.
// Lifetime of a file: the page is made at open(2), and read from there on.

import { type AnyDevice, defineDevice } from "@devlift/core";

export interface SndstatOptions {
  /** Under /dev. */
  readonly name: string;
  readonly version: string;
  /** Of the dsps. */
  readonly audio: readonly string[];
  readonly mixers: readonly string[];
  /** The sound server, for a person. */
  readonly server: string;
}

export function defineSndstat(options: SndstatOptions): AnyDevice {
  const page = new TextEncoder().encode(pageOf(options));
  return defineDevice({
    name: options.name,
    open: () => ({ at: 0 }),
    read({ state, length }) {
      const given = page.subarray(state.at, state.at + length);
      state.at += given.length;
      return given;
    },
  });
}

function pageOf({ version, audio, mixers, server }: SndstatOptions): string {
  const listed = (names: readonly string[], what: string) =>
    names.map((name, index) => `${index}: /dev/${name}: ${what}`);
  return [
    `Sound Driver:3.8.1a (devlift-oss ${version})`,
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
