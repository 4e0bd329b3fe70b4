// The Debian packages that the tests need on this machine; in the virtual machine they are there too, as its files
// are this machine's. What a driver's tests run besides is said in the driver's folder: driver-programs.ts.

import { IOCTLGEN_PREREQUISITES } from "../ioctlgen/prerequisites.ts";
import { CHECK_PREREQUISITES } from "../kernel/prerequisites.ts";
import { DEB_PREREQUISITES } from "../release/prerequisites.ts";
import type { Prerequisite } from "../shared/prerequisites.ts";
import { DEBIAN_PREREQUISITES } from "../vm/debian.ts";
import { DEBUG_KERNEL_PREREQUISITES, VM_PREREQUISITES } from "../vm/prerequisites.ts";
import { CHECKOUT } from "../vm/vm.ts";
import { driverPrograms } from "./driver-programs.ts";

/** For every tier: a C compiler, for 64-bit and (-m32) for 32-bit programs, and what reads C headers. */
const ALWAYS: readonly Prerequisite[] = [
  { package: "gcc", file: "gcc" },
  // fusermount3, for the fuse channel without root.
  { package: "fuse3", file: "fusermount3" },
  { package: "kmod", file: "modinfo" },
  // What an operator asks a daemon for its metrics with.
  { package: "curl", file: "curl" },
  // Two sound servers, which the tier sound runs without hardware, and parec and pactl to see what they do.
  { package: "pulseaudio", file: "pulseaudio" },
  { package: "pipewire-pulse", file: "pipewire-pulse" },
  { package: "wireplumber", file: "wireplumber" },
  { package: "dbus-daemon", file: "dbus-run-session" },
  { package: "pulseaudio-utils", file: "parec" },
  // What Debian packages and services are looked at with.
  { package: "lintian", file: "lintian" },
  { package: "systemd", file: "systemd-analyze" },
  ...DEB_PREREQUISITES,
  // ALSA without hardware: its plugin for PulseAudio.
  { package: "alsa-utils", file: "aplay" },
  { package: "libasound2-plugins", file: "/usr/lib/x86_64-linux-gnu/alsa-lib/libasound_module_pcm_pulse.so" },
  ...IOCTLGEN_PREREQUISITES,
  ...CHECK_PREREQUISITES,
];

/** For the tiers with a virtual machine: itself, and programs of others that its tests run on a device. */
const WITH_VM: readonly Prerequisite[] = [
  ...VM_PREREQUISITES,
  ...DEBUG_KERNEL_PREREQUISITES,
  ...DEBIAN_PREREQUISITES,
  { package: "stress-ng", file: "stress-ng" },
  // The examples in other languages; Perl is on every Debian.
  { package: "python3", file: "python3" },
  // libfuse's examples are judges: its CUSE client, and its server to compare with.
  { package: "libfuse3-dev", file: "/usr/share/doc/libfuse3-dev/examples/cuse_client.c" },
];

/** What the tests need, with or without the virtual machine's tiers. */
export function testPrerequisites(withVm: boolean): readonly Prerequisite[] {
  return [...ALWAYS, ...(withVm ? WITH_VM : []), ...driverPrograms(CHECKOUT, withVm)];
}
