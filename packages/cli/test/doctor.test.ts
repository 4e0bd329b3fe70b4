import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { examine } from "../src/doctor/doctor.ts";
import type { Asker } from "../src/machine.ts";
import { ANNA, type Entry, machineWith, PILOT, plugged, processOf, ROOT } from "./fake-machine.ts";

const RELEASE = "6.12.1-amd64";
const MODULES = `/lib/modules/${RELEASE}/modules.dep`;

const OSS = {
  name: "oss",
  summary: "sound",
  nodes: ["/dev/dsp", "/dev/mixer"],
  replaces: ["snd-pcm-oss"],
  command: "devlift-oss",
  group: "audio",
  soundServer: true,
} as const;

/** Nothing is to be said of it and of a handheld that is in. */
const WELL: Readonly<Record<string, Entry>> = {
  "/proc/sys/kernel/osrelease": `${RELEASE}\n`,
  "/proc/modules": "fusd 65536 0 - Live 0x0\ncuse 20480 0 - Live 0x0\n",
  "/proc/self/mountinfo": "22 1 0:21 / /proc rw - proc proc rw\n",
  [MODULES]: "kernel/fs/fuse/cuse.ko.xz: kernel/fs/fuse/fuse.ko.xz\nkernel/drivers/usb/serial/visor.ko.xz:\n",
  "/etc/modprobe.d/devlift-pilot.conf": "# no visor\nblacklist visor\n",
  "/etc/group": "root:x:0:\ndialout:x:20:\n",
  "/dev/cuse": { kind: "character device", mode: 0o600 },
  "/dev/fuse": { kind: "character device", mode: 0o666 },
  "/usr/lib/x86_64-linux-gnu/libudev.so.1": { link: "libudev.so.1.7.5" },
  "/run/pulse/native": { kind: "other" },
  "/dev/pilot": { kind: "character device", mode: 0o660, gid: 20, device: "240:0" },
  "/sys/dev/char/240:0/subsystem": { link: "../../../../class/cuse" },
  ...processOf(70, ["/usr/bin/node", "/usr/bin/devlift-pilot", "--group", "dialout"], ["/dev/cuse"]),
  ...plugged("1-4", "0830:0061", ["usbfs"]),
};

interface Change {
  readonly with?: Readonly<Record<string, Entry>>;
  /** Paths, and all below them, that are not there. */
  readonly without?: readonly string[];
  readonly asker?: Asker;
}

function codes({ with: more = {}, without = [], asker = ROOT }: Change): string[] {
  const kept = Object.entries(WELL).filter(([path]) => !without.some((gone) => path.startsWith(gone)));
  return examine(machineWith({ ...Object.fromEntries(kept), ...more }, asker), [PILOT, OSS]).map(({ code }) => code);
}

test("of a machine where all is well nothing is said", () => {
  expect(codes({})).toEqual([]);
});

const CASES: readonly (readonly [string, Change, readonly string[]])[] = [
  ["no cuse, which the kernel has", { without: ["/dev/cuse"] }, ["cuse-missing"]],
  ["no cuse at all", { without: ["/dev/cuse", MODULES] }, ["cuse-missing"]],
  ["a user, for whom /dev/cuse is not", { asker: ANNA }, ["cuse-needs-root", "fusermount-missing"]],
  ["no /dev/fuse", { without: ["/dev/fuse"] }, ["fuse-missing"]],
  ["fusd not installed", { with: { "/proc/modules": "" } }, ["fusd-missing"]],
  ["fusd not loaded", { with: { "/proc/modules": "", [MODULES]: "updates/dkms/fusd.ko:\n" } }, ["fusd-not-loaded"]],
  [
    "fusd under lockdown",
    {
      with: {
        "/proc/modules": "",
        [MODULES]: "updates/dkms/fusd.ko:\n",
        "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
      },
    },
    ["fusd-needs-signature"],
  ],
  [
    "fusd under Secure Boot",
    {
      with: {
        "/proc/modules": "",
        [MODULES]: "updates/dkms/fusd.ko:\n",
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": new Uint8Array([6, 0, 0, 0, 1]),
      },
    },
    ["fusd-needs-signature"],
  ],
  ["visor beside the daemon", { with: { "/sys/module/visor/refcnt": "0\n" } }, ["module-beside-daemon"]],
  [
    "visor and no daemon",
    { without: ["/proc/70", "/dev/pilot"], with: { "/proc/modules": "fusd 1 0 - Live 0x0\nvisor 1 0 - Live 0x0\n" } },
    ["module-loaded"],
  ],
  ["visor not kept out", { without: ["/etc/modprobe.d"] }, ["module-not-blacklisted"]],
  [
    "visor kept out by an install line",
    { without: ["/etc/modprobe.d"], with: { "/lib/modprobe.d/x.conf": "install visor /bin/false\n" } },
    [],
  ],
  [
    "visor not kept out, as an empty file overrides the package's",
    {
      with: { "/usr/lib/modprobe.d/devlift-pilot.conf": "blacklist visor\n", "/etc/modprobe.d/devlift-pilot.conf": "" },
    },
    ["module-not-blacklisted"],
  ],
  [
    "given back to the kernel",
    { with: { "/etc/systemd/system/devlift-pilot.service": { link: "/dev/null" }, "/sys/module/visor/refcnt": "0\n" } },
    ["held-off"],
  ],
  ["a daemon that serves elsewhere", { without: ["/dev/pilot"] }, ["node-missing"]],
  ["a plain file at its place", { with: { "/dev/pilot": "oops" } }, ["node-is-file"]],
  ["a link to a number that moves", { with: { "/dev/pilot": { link: "ttyUSB1" } } }, ["node-is-guess"]],
  ["a link to our pty", { with: { "/dev/pilot": { link: "/dev/pts/3" } } }, []],
  ["a device of another daemon", { without: ["/proc/70"] }, ["node-of-another"]],
  ["a daemon started as its bundle", { with: processOf(70, ["node", "dist/devlift-pilot.mjs"]) }, []],
  [
    "a plain file of fuse",
    {
      with: {
        "/dev/pilot": {},
        "/proc/self/mountinfo": "30 1 0:40 / /dev/pilot rw shared:9 - fuse.devlift pilot rw\n",
      },
    },
    [],
  ],
  [
    "a user who is not in the group",
    { asker: { ...ANNA, groups: [1000] }, with: { "/usr/bin/fusermount3": "" } },
    ["cuse-needs-root", "node-no-permission"],
  ],
  ["nothing plugged in", { without: ["/sys/bus/usb"] }, ["hardware-absent"]],
  [
    "hardware that nobody knows",
    { without: ["/sys/bus/usb"], with: plugged("1-2", "0830:ffff") },
    ["hardware-unknown"],
  ],
  [
    "hardware with the kernel's driver, which it does not get along with",
    { with: plugged("1-4", "0830:0061", ["visor"]) },
    ["hardware-bound", "hardware-trouble"],
  ],
  [
    "hardware that another program has",
    { with: processOf(99, ["/usr/bin/pilot-xfer"], ["/dev/bus/usb/001/004"]) },
    ["hardware-taken"],
  ],
  ["hardware that our daemon has", { with: processOf(70, ["devlift-pilot"], ["/dev/bus/usb/001/004"]) }, []],
  ["no libudev", { without: ["/usr/lib"] }, ["libudev-missing"]],
  ["no sound server", { without: ["/run/pulse"] }, ["sound-server-missing"]],
];

test.each(CASES)("%s", (_, change, expected) => {
  expect(codes(change)).toEqual(expected);
});

test("who is not in the group of the device file is told which it is", () => {
  const machine = machineWith(WELL, { ...ANNA, groups: [1000] });
  const finding = examine(machine, [PILOT]).find(({ code }) => code === "node-no-permission");
  expect(finding?.mend).toBe("sudo usermod -aG dialout anna, and log in again");
});

test("docs/operating.md has each finding, and each is seen here", () => {
  const page = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^\| ([a-z]+(?:-[a-z]+)+) \|/gm)].map(([, code]) => code);
  expect(new Set(documented)).toEqual(new Set(CASES.flatMap(([, , expected]) => expected)));
});
