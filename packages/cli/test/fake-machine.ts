// A machine that a test writes down: what is at each path.

import type { Asker, FileStatus, Machine } from "../src/machine.ts";

/** Text or bytes of a file, where a link leads, or what stat(2) says of a device. */
export type Entry = string | Uint8Array | { readonly link: string } | Partial<FileStatus>;

export const ROOT: Asker = { uid: 0, name: "root", groups: [0] };
export const ANNA: Asker = { uid: 1000, name: "anna", groups: [1000, 20] };

const PLAIN: FileStatus = { kind: "file", mode: 0o644, uid: 0, gid: 0, device: "0:0" };

export function machineWith(entries: Readonly<Record<string, Entry>>, asker: Asker = ROOT): Machine {
  const at = (path: string) => entries[path];
  return {
    asker,
    bytes: (path) => {
      const entry = at(path);
      return entry instanceof Uint8Array ? entry : undefined;
    },
    text: (path) => {
      const entry = at(path);
      return typeof entry === "string" ? entry : undefined;
    },
    names: (path) => {
      const below = Object.keys(entries).filter((one) => one.startsWith(`${path}/`));
      return [...new Set(below.map((one) => one.slice(path.length + 1).split("/", 1)[0] ?? ""))].sort();
    },
    link: (path) => {
      const entry = at(path);
      return typeof entry === "object" && "link" in entry ? entry.link : undefined;
    },
    status: (path) => {
      const entry = at(path);
      if (entry === undefined) {
        const isFolder = Object.keys(entries).some((one) => one.startsWith(`${path}/`));
        return isFolder ? { ...PLAIN, kind: "folder", mode: 0o755 } : undefined;
      }
      if (typeof entry === "string" || entry instanceof Uint8Array) return PLAIN;
      return "link" in entry ? { ...PLAIN, kind: "link" } : { ...PLAIN, ...entry };
    },
  };
}

/** A process of this command, with these files open. */
export function processOf(
  pid: number,
  command: readonly string[],
  open: readonly string[] = [],
): Record<string, Entry> {
  return {
    [`/proc/${pid}/cmdline`]: `${command.join("\0")}\0`,
    [`/proc/${pid}/comm`]: `${command[0]?.split("/").at(-1)}\n`,
    ...Object.fromEntries(open.map((path, fd) => [`/proc/${pid}/fd/${fd + 3}`, { link: path }])),
  };
}

/** A device of USB, and the kernel's drivers of its interfaces. */
export function plugged(place: string, id: string, drivers: readonly string[] = []): Record<string, Entry> {
  const [vendor = "", product = ""] = id.split(":");
  const folder = `/sys/bus/usb/devices/${place}`;
  return {
    [`${folder}/idVendor`]: `${vendor}\n`,
    [`${folder}/idProduct`]: `${product}\n`,
    [`${folder}/busnum`]: "1\n",
    [`${folder}/devnum`]: "4\n",
    ...Object.fromEntries(
      drivers.map((name, index) => [`${folder}:1.${index}/driver`, { link: `../../bus/usb/drivers/${name}` }]),
    ),
  };
}

/** A driver as an installed one says of itself. */
export const PILOT = {
  name: "pilot",
  summary: "handhelds",
  nodes: ["/dev/pilot"],
  replaces: ["visor"],
  command: "devlift-pilot",
  group: "dialout",
  usb: {
    ids: ["0830:0061", "0830:0001"],
    vendors: ["0830"],
    appears: "press the button",
    troubles: [{ ids: ["0830:0061"], says: "stalls" }],
  },
} as const;
