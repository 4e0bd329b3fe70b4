// The Debian packages that the matrix needs beside those of the tests.

import type { Prerequisite } from "../shared/prerequisites.ts";
import { testPrerequisites } from "../test/prerequisites.ts";

export const OSS_PREREQUISITES: readonly Prerequisite[] = [
  ...testPrerequisites(true),
  { package: "mpg123", file: "mpg123" },
  { package: "vorbis-tools", file: "ogg123" },
  { package: "ecasound", file: "ecasound" },
  { package: "timidity", file: "timidity" },
  { package: "xmp", file: "xmp" },
  { package: "fluidsynth", file: "fluidsynth" },
  { package: "splay", file: "splay" },
  { package: "timgm6mb-soundfont", file: "/usr/share/sounds/sf2/TimGM6mb.sf2" },
];
