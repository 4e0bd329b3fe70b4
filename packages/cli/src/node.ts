// Who is behind a device file.

import type { Machine } from "./machine.ts";

export type Behind =
  | { readonly kind: "nothing" }
  /** A driver of the kernel's: its subsystem ("tty", "sound"), or "character device" where sysfs does not know it. */
  | { readonly kind: "kernel"; readonly subsystem: string }
  /** A daemon's device: of CUSE or fusd, or a file system of fuse. */
  | { readonly kind: "daemon"; readonly channel: "cuse" | "fusd" | "fuse" }
  | { readonly kind: "link"; readonly target: string }
  /** A file that somebody left there. */
  | { readonly kind: "file" };

export function behind(machine: Machine, path: string): Behind {
  if (isMounted(machine, path)) return { kind: "daemon", channel: "fuse" };
  const status = machine.status(path);
  switch (status?.kind) {
    case undefined:
      return { kind: "nothing" };
    case "link":
      return { kind: "link", target: machine.link(path) ?? "" };
    case "character device": {
      const subsystem = machine.link(`/sys/dev/char/${status.device}/subsystem`)?.split("/").at(-1);
      return subsystem === "cuse" || subsystem === "fusd"
        ? { kind: "daemon", channel: subsystem }
        : { kind: "kernel", subsystem: subsystem ?? "character device" };
    }
    default:
      return { kind: "file" };
  }
}

/** proc_pid_mountinfo(5): the fifth field is the mount point, and the one after "-" the type. */
function isMounted(machine: Machine, path: string): boolean {
  const lines = machine.text("/proc/self/mountinfo")?.split("\n") ?? [];
  return lines.some((line) => {
    const fields = line.split(" ");
    return fields[4] === path && fields[fields.indexOf("-") + 1] === "fuse.devlift";
  });
}
