// Where a FUSE file goes: the path that it is mounted on. An empty file is made there when there is nothing, and removed
// at the end; what somebody else put there is left alone, and said. A mount of ours whose daemon died is replaced.
// Never looks at a path while this process serves it: it would wait for itself. A Place lives as long as its channel.

import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ERRNO } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import type { Logger } from "../log.ts";

/** The type of our mounts: how they are known from others in /proc/self/mountinfo. */
export const MOUNT_TYPE = "fuse.devlift";
/** How the source of a mount ends when the file below it was made for it. */
export const MADE = ":made";
/** How long a mount's daemon may take to say that it is there. */
const ANSWER_MS = 2000;

interface Mount {
  readonly path: string;
  readonly type: string;
  readonly source: string;
}

export interface Place {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Whether the file there is ours, to be removed at the end. */
  readonly made: boolean;
  /** Removes what was made. To be called when nothing is mounted there. */
  remove(): void;
}

/**
 * Finds or makes an empty file at a path.
 * @param unmount takes away a mount of ours that is dead
 * @throws DeviceError EEXIST, EBUSY for what is there; EACCES and others when nothing can be made there
 */
export async function takePlace(wanted: string, unmount: (path: string) => Promise<void>, log: Logger): Promise<Place> {
  const folder = dirname(wanted);
  const firstMade = attempt(folder, () => mkdirSync(folder, { recursive: true }));
  const path = join(realpathSync(folder), basename(wanted));
  let inherited = false;
  for (let mount = mountAt(path); mount !== undefined; mount = mountAt(path)) {
    await checkDead(mount);
    await unmount(path);
    if (mountAt(path)?.source === mount.source)
      throw new DeviceError("EBUSY", `${path} is a dead mount of another user's (${mount.source}): 'umount -l' it`);
    log.info({ device: path }, `${path} was the mount of a daemon that is gone (${mount.source}): replaced`);
    inherited ||= mount.source.endsWith(MADE);
  }
  const made = makeFile(path) || inherited;
  const remove = () => {
    if (!made) return;
    quietly(() => unlinkSync(path));
    if (firstMade !== undefined) removeFolders(dirname(path), dirname(realpathOr(firstMade)));
  };
  return { path, made, remove };
}

/** Whether this user can make a file at a path, or write to the one that is there. What is mounted there is not asked. */
export function mayTakePlace(path: string): boolean {
  if (mountAt(path) !== undefined) return true;
  for (let at = path; ; at = dirname(at)) {
    try {
      accessSync(at, constants.W_OK);
      return true;
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || at === "/") return false;
    }
  }
}

/** The mount that is on top at a path. */
function mountAt(path: string): Mount | undefined {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map(parseMount)
    .findLast((mount) => mount?.path === path);
}

/** One line of /proc/PID/mountinfo (proc(5)): "36 35 98:0 /root /path options [fields] - type source super-options". */
export function parseMount(line: string): Mount | undefined {
  const [front = "", back = ""] = line.split(" - ");
  const path = front.split(" ")[4];
  const [type, source] = back.split(" ");
  if (path === undefined || type === undefined || source === undefined) return undefined;
  // Space, tab, newline and backslash stand as \ooo.
  const plain = path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return { path: plain, type, source };
}

/** @throws DeviceError unless the mount is ours and its daemon gone */
async function checkDead({ path, type, source }: Mount): Promise<void> {
  if (type !== MOUNT_TYPE) throw new DeviceError("EBUSY", `something else is mounted on ${path} (${type}, ${source})`);
  const timeout = new Promise<string>((resolve) => setTimeout(resolve, ANSWER_MS, "slow").unref());
  // On a thread of the pool, not on this one: it may be this very process that has to answer.
  const answer = stat(path).then(() => "alive", errorCode);
  switch (await Promise.race([answer, timeout])) {
    case "ENOTCONN":
      return;
    case "slow":
      throw new DeviceError("EBUSY", `${path} is served by ${source}, which does not answer: end it first`);
    default:
      throw new DeviceError("EEXIST", `${path} is served already, by ${source}: end that daemon first`);
  }
}

/** @returns true when the file was made, false when an empty one was there */
function makeFile(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw refusal(path, error);
  }
  const there = attempt(path, () => lstatSync(path));
  if (there.isFile() && there.size === 0) return false;
  const what = there.isFile()
    ? "a file with contents"
    : there.isDirectory()
      ? "a folder"
      : there.isSymbolicLink()
        ? "a symbolic link"
        : there.isCharacterDevice()
          ? "a device"
          : "no regular file";
  throw new DeviceError("EEXIST", `${path} is there already, ${what}: it is left alone; move it, or take another path`);
}

function removeFolders(from: string, upTo: string): void {
  for (let folder = from; folder !== upTo && folder !== "/"; folder = dirname(folder)) quietly(() => rmdirSync(folder));
}

function realpathOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw refusal(path, error);
  }
}

function refusal(path: string, error: unknown): DeviceError {
  const code = errorCode(error);
  const known = Object.hasOwn(ERRNO, code);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new DeviceError(code, `no permission to make ${path}: run as root, or take a path of your own`, {
      cause: error,
    });
  return new DeviceError(known ? (code as keyof typeof ERRNO) : "EIO", `${path} cannot be made (${code})`, {
    cause: error,
  });
}

/** What is gone already, or full of somebody else's things, needs no removal. */
function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (errorCode(error) === "unknown") throw error;
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
