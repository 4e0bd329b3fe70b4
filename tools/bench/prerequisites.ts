// The Debian packages that the benchmark needs on this machine: a C compiler, and libfuse 3 to be compared with.

import type { Prerequisite } from "../shared/prerequisites.ts";

export const BENCH_PREREQUISITES: readonly Prerequisite[] = [
  { package: "gcc", file: "gcc" },
  { package: "libc6-dev", file: "/usr/include/stdio.h" },
  { package: "libfuse3-dev", file: "/usr/include/fuse3/fuse_lowlevel.h" },
  { package: "fuse3", file: "fusermount3" },
  { package: "util-linux", file: "taskset" },
];
