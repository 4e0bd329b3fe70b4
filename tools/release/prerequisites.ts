// The Debian packages that the Debian packages are made with.

import type { Prerequisite } from "../shared/prerequisites.ts";

export const DEB_PREREQUISITES: readonly Prerequisite[] = [
  { package: "dpkg-dev", file: "dpkg-shlibdeps" },
  { package: "binutils", file: "strip" },
];
