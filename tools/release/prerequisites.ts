// The Debian packages that packages and executables are made with.

import type { Prerequisite } from "../shared/prerequisites.ts";

export const DEB_PREREQUISITES: readonly Prerequisite[] = [
  { package: "dpkg-dev", file: "dpkg-shlibdeps" },
  { package: "binutils", file: "strip" },
];

export const SEA_PREREQUISITES: readonly Prerequisite[] = [{ package: "binutils", file: "strip" }];
