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
