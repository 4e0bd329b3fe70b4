// One open(2) of a dsp. Lifetime: to the last close(2).

import type { Capture } from "./capture.ts";
import type { Settings } from "./geometry.ts";
import type { Opener } from "./opener.ts";
import type { Playback } from "./playback.ts";

export interface DspFile {
  /** The device's path. */
  readonly device: string;
  readonly opener: Opener;
  /** undefined: it was opened for reading only. */
  readonly playback: Playback | undefined;
  /** undefined: it was opened for writing only. */
  readonly capture: Capture | undefined;
  /** Of both sides. */
  settings: Settings;
  /** What the program says that it plays, and what it calls its file. */
  song: string;
  label: string;
}
