// The machine that is looked at. Nothing is written, and what cannot be read is not there: a command for everybody must
// say what it can without being root.

import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { userInfo } from "node:os";

/** Who asks. */
export interface Asker {
  readonly uid: number;
  /** Group ids, the supplementary ones included. */
  readonly groups: readonly number[];
  readonly name: string;
}

/** Of a file itself, also when it is a symbolic link. */
export interface FileStatus {
  readonly kind: "file" | "folder" | "link" | "character device" | "other";
  /** Permissions, as chmod(2) takes them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** "MAJOR:MINOR" of a character device, as sysfs writes it. */
  readonly device: string;
}

/** Each question is answered with undefined, or nothing, when there is no such file or it may not be read. */
export interface Machine {
  readonly asker: Asker;
  bytes(path: string): Uint8Array | undefined;
  text(path: string): string | undefined;
  /** Names in a folder, sorted. */
  names(path: string): readonly string[];
  /** What a symbolic link says, as it stands there. */
  link(path: string): string | undefined;
  status(path: string): FileStatus | undefined;
}

/** The machine that this process is on. */
export function thisMachine(): Machine {
  const uid = process.getuid?.() ?? 0;
  // A user may be in no list, as in a container.
  const name = orUndefined(() => userInfo().username) ?? String(uid);
  return {
    asker: { uid, name, groups: process.getgroups?.() ?? [] },
    bytes: (path) => orUndefined(() => readFileSync(path)),
    text: (path) => orUndefined(() => readFileSync(path, "utf8")),
    names: (path) => orUndefined(() => readdirSync(path).sort()) ?? [],
    link: (path) => orUndefined(() => readlinkSync(path)),
    status: (path) => orUndefined(() => statusOf(lstatSync(path))),
  };
}

function statusOf(stats: Stats): FileStatus {
  const { mode, uid, gid, rdev } = stats;
  return { kind: kindOf(stats), mode: mode & 0o7777, uid, gid, device: numbersOf(BigInt(rdev)) };
}

function kindOf(stats: Stats): FileStatus["kind"] {
  if (stats.isCharacterDevice()) return "character device";
  if (stats.isSymbolicLink()) return "link";
  if (stats.isDirectory()) return "folder";
  return stats.isFile() ? "file" : "other";
}

/** makedev(3), as glibc puts a number together. */
function numbersOf(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    // ENOENT, EACCES, ENOTDIR, ESRCH of a process that has ended: there is nothing to see, which is all that counts.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
