// The Debian packages that the matrix needs beside those of the tests.

import type { Prerequisite } from "../shared/prerequisites.ts";
import { testPrerequisites } from "../test/prerequisites.ts";

export const OSS_PREREQUISITES: readonly Prerequisite[] = [
  ...testPrerequisites(true),
  { package: "mpg123", file: "mpg123" },
  { package: "vorbis-tools", file: "ogg123" },
  { package: "ecasound", file: "ecasound" },
];
