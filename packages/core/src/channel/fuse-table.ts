// The mounts that this process sees, as the kernel lists them (proc(5), /proc/PID/mountinfo). Read anew at each call.

import { readFileSync } from "node:fs";

export interface Mount {
  readonly path: string;
  readonly type: string;
  /** Ours are told apart by it: no two have the same, but for copies in other places (bind mounts). */
  readonly source: string;
}

/** The mounts at a path; each lies on the one before it, and the last is what programs meet. */
export function mountsAt(path: string): Mount[] {
  return mounts().filter((mount) => mount.path === path);
}

/** Where a mount is: at `path`, or where it went with a folder that was renamed. undefined: nowhere. */
export function whereIs({ path, source }: Pick<Mount, "path" | "source">): string | undefined {
  const own = mounts().filter((mount) => mount.source === source);
  return (own.find((mount) => mount.path === path) ?? own[0])?.path;
}

function mounts(): Mount[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => parseMount(line) ?? []);
}

/** One line: "36 35 98:0 /root /path options [fields] - type source super-options". */
function parseMount(line: string): Mount | undefined {
  const [front = "", back = ""] = line.split(" - ");
  const path = front.split(" ")[4];
  const [type, source] = back.split(" ");
  if (path === undefined || type === undefined || source === undefined) return undefined;
  // Space, tab, newline and backslash stand as \ooo.
  const plain = path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return { path: plain, type, source };
}
