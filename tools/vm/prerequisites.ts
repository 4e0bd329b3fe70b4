// The Debian packages that the virtual machine needs on this machine.

import type { Prerequisite } from "../shared/prerequisites.ts";

export const VM_PREREQUISITES: readonly Prerequisite[] = [
  { package: "qemu-system-x86", file: "qemu-system-x86_64" },
  { package: "busybox-static", file: "busybox" },
  { package: "cpio", file: "cpio" },
  { package: "xz-utils", file: "xz" },
  { package: "kmod", file: "depmod" },
];
