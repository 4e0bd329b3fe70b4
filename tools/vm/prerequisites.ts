// The Debian packages that the virtual machine needs on this machine.

import type { Prerequisite } from "../shared/prerequisites.ts";

export const VM_PREREQUISITES: readonly Prerequisite[] = [
  { package: "qemu-system-x86", file: "qemu-system-x86_64" },
  // The package busybox brings the same program, but linked to libraries that an initramfs has not.
  { package: "busybox-static", file: "/var/lib/dpkg/info/busybox-static.list" },
  { package: "cpio", file: "cpio" },
  { package: "xz-utils", file: "xz" },
  { package: "kmod", file: "depmod" },
];

/** To build the debug kernel. */
export const DEBUG_KERNEL_PREREQUISITES: readonly Prerequisite[] = [
  { package: "gcc", file: "gcc" },
  { package: "make", file: "make" },
  { package: "flex", file: "flex" },
  { package: "bison", file: "bison" },
  { package: "bc", file: "bc" },
  { package: "perl", file: "perl" },
  { package: "xz-utils", file: "xz" },
  { package: "kmod", file: "depmod" },
  { package: "libelf-dev", file: "/usr/include/libelf.h" },
  { package: "libssl-dev", file: "/usr/include/openssl/ssl.h" },
];
