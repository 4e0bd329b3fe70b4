// What the machine has to make device files with: CUSE, fusd, FUSE.

import type { Machine } from "../machine.ts";
import { isAvailable, isLoaded } from "../modules.ts";
import type { Finding } from "./finding.ts";

/** Where UEFI says whether the firmware checks signatures: four bytes of attributes, then 0 or 1 (UEFI 2.10, 3.3). */
const SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

export function checkChannels(machine: Machine): readonly Finding[] {
  return [...checkCuse(machine), ...checkFuse(machine), ...checkFusd(machine)];
}

function checkCuse(machine: Machine): readonly Finding[] {
  if (machine.status("/dev/cuse") === undefined) {
    const code = "cuse-missing";
    const without = "without it device files are plain files (--channel fuse)";
    if (isAvailable(machine, "cuse"))
      return [{ code, severity: "problem", text: "the module cuse is not loaded", mend: "sudo modprobe cuse" }];
    return [{ code, severity: "problem", text: `this kernel has no module cuse: ${without}, or serial ports ptys` }];
  }
  if (machine.asker.uid === 0) return [];
  return [
    {
      code: "cuse-needs-root",
      severity: "note",
      text: "/dev/cuse is root's: a daemon that makes character devices is started as a service, or with sudo",
    },
  ];
}

function checkFuse(machine: Machine): readonly Finding[] {
  if (machine.status("/dev/fuse") === undefined)
    return [{ code: "fuse-missing", severity: "note", text: "there is no /dev/fuse", mend: "sudo modprobe fuse" }];
  const folders = ["/bin", "/usr/bin", "/usr/local/bin"];
  if (machine.asker.uid === 0 || folders.some((folder) => machine.status(`${folder}/fusermount3`) !== undefined))
    return [];
  return [
    {
      code: "fusermount-missing",
      severity: "note",
      text: "--channel fuse needs fusermount3 without root",
      mend: "sudo apt install fuse3",
    },
  ];
}

function checkFusd(machine: Machine): readonly Finding[] {
  if (isLoaded(machine, "fusd")) return [];
  if (!isAvailable(machine, "fusd"))
    return [
      {
        code: "fusd-missing",
        severity: "note",
        text: "the module fusd is not installed for this kernel: no mmap, SIGIO, or recovery of a daemon that dies",
      },
    ];
  const why = whyUnsignedIsRefused(machine);
  return why === undefined
    ? [{ code: "fusd-not-loaded", severity: "note", text: "the module fusd is not loaded", mend: "sudo modprobe fusd" }]
    : [
        {
          code: "fusd-needs-signature",
          severity: "note",
          text: `the module fusd is not loaded, and ${why}: DKMS' key has to be enrolled`,
          mend: "sudo mokutil --import /var/lib/dkms/mok.pub, and reboot",
        },
      ];
}

function whyUnsignedIsRefused(machine: Machine): string | undefined {
  const mode = /\[(integrity|confidentiality)\]/.exec(machine.text("/sys/kernel/security/lockdown") ?? "")?.[1];
  if (mode !== undefined) return `the kernel is locked down (${mode})`;
  return machine.bytes(SECURE_BOOT)?.[4] === 1 ? "Secure Boot is on" : undefined;
}
