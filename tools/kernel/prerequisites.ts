// The Debian packages that building and checking kernel/fusd needs on this machine.

import type { Prerequisite } from "../shared/prerequisites.ts";

/** To build the module and its selftests, for 64 and for 32 bit. The libraries are those of the headers' programs. */
export const BUILD_PREREQUISITES: readonly Prerequisite[] = [
  { package: "gcc", file: "gcc" },
  { package: "gcc-multilib", file: "/usr/lib32/crt1.o" },
  { package: "make", file: "make" },
  { package: "libelf1", file: "/usr/lib/x86_64-linux-gnu/libelf.so.1" },
];

/** To check the sources too: checkpatch is a Perl program. */
export const CHECK_PREREQUISITES: readonly Prerequisite[] = [
  ...BUILD_PREREQUISITES,
  { package: "sparse", file: "sparse" },
  { package: "perl", file: "perl" },
  { package: "xz-utils", file: "xz" },
];
