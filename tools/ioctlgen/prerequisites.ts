// The Debian packages that reading a header needs: a compiler that prints its syntax tree, and the kernel's and the C
// library's headers for 64- and 32-bit programs.

import type { Prerequisite } from "../shared/prerequisites.ts";

export const IOCTLGEN_PREREQUISITES: readonly Prerequisite[] = [
  { package: "clang", file: "clang" },
  { package: "linux-libc-dev", file: "/usr/include/linux/ioctl.h" },
  { package: "libc6-dev", file: "/usr/include/stdio.h" },
  { package: "gcc-multilib", file: "/usr/lib32/crt1.o" },
];
