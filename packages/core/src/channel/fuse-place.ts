// Where a FUSE file goes: the path that it is mounted on. An empty file is made there when there is nothing, and removed
// at the end; what somebody else put there is left alone, and said. A mount of ours whose daemon died is replaced.
// Never looks at a path while this process serves it: it would wait for itself. A Place lives as long as its channel.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ERRNO } from "../errno.ts";
import { DeviceError, errorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Mount, mountsAt } from "./fuse-table.ts";

/** The type of our mounts: how they are known from others in /proc/self/mountinfo. */
export const MOUNT_TYPE = "fuse.devlift";
/** How the source of a mount ends when the file below it was made for it. */
export const MADE = ":made";
/** How long a mount's daemon may take to say that it is there. */
const ANSWER_MS = 2000;

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
export async function takePlace(wanted: string, unmount: (mount: Mount) => Promise<void>, log: Logger): Promise<Place> {
  const firstMade = makeFolders(dirname(wanted));
  try {
    const path = realPath(wanted);
    let inherited = false;
    for (let mount = mountsAt(path).at(-1); mount !== undefined; mount = mountsAt(path).at(-1)) {
      await checkDead(mount);
      await unmount(mount);
      if (mountsAt(path).at(-1)?.source === mount.source)
        throw new DeviceError("EBUSY", `${path} is a dead mount of another user's (${mount.source}): 'umount -l' it`);
      log.info({ device: path }, `${path} was the mount of a daemon that is gone (${mount.source}): replaced`);
      inherited ||= mount.source.endsWith(MADE);
    }
    const made = makeFile(path) || inherited;
    const remove = () => {
      if (!made) return;
      quietly(() => unlinkSync(path));
      removeFolders(dirname(path), firstMade);
    };
    return { path, made, remove };
  } catch (error) {
    if (firstMade !== undefined) removeFolders(realPath(dirname(wanted)), firstMade);
    throw error;
  }
}

/**
 * One by one: mkdirSync() with `recursive` looks at what is in the way, which may be a file that this process serves; and
 * below /proc, where mkdir(2) says ENOENT in a folder that is there, it never ends.
 * @returns the first that had to be made
 */
function makeFolders(folder: string): string | undefined {
  if (isThere(folder)) return undefined;
  const first = makeFolders(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else has made it meanwhile.
    if (errorCode(error) === "EEXIST" && isThere(folder)) return first;
    throw refusal(folder, error);
  }
  return first ?? folder;
}

function isThere(folder: string): boolean {
  try {
    realpathSync.native(folder);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw refusal(folder, error);
  }
}

/**
 * Without symbolic links but the last name, which is taken as it is. Asks no file system about that last name, nor, as
 * realpath(3) goes by readlink(2), about a served file that stands in the place of a folder.
 */
function realPath(path: string): string {
  return join(realpathSync.native(dirname(path)), basename(path));
}

/** false: this user may make no file at a path, nor write to the one that is there. takePlace() says the rest. */
export function mayTakePlace(wanted: string): boolean {
  for (let at = wanted; ; at = dirname(at)) {
    try {
      const path = realPath(at);
      if (at === wanted && (mountsAt(path).length > 0 || lstatSync(path).isSymbolicLink())) return true;
      accessSync(path, constants.W_OK);
      return true;
    } catch (error) {
      const code = errorCode(error);
      if (code !== "ENOENT" || at === "/") return !isForbidden(code);
    }
  }
}

/** @throws DeviceError unless the mount is ours and its daemon gone */
async function checkDead({ path, type, source }: Mount): Promise<void> {
  if (type !== MOUNT_TYPE) throw new DeviceError("EBUSY", `something else is mounted on ${path} (${type}, ${source})`);
  switch (await asked(path)) {
    // Gone, or gone while it was asked.
    case "ENOTCONN":
    case "ECONNABORTED":
      return;
    case "slow":
      throw new DeviceError("EBUSY", `${path} is served by ${source}, which does not answer: end it first`);
    default:
      // Its watcher was as fast: what answered was the folder that it lay in.
      if (mountsAt(path).every((other) => other.source !== source)) return;
      throw new DeviceError("EEXIST", `${path} is served already, by ${source}: end that daemon first`);
  }
}

/**
 * What a file system's daemon says, as an error's code, "alive" or "slow". It is asked for statfs(2), because of the
 * attributes the kernel may know the answer, however dead the daemon is.
 * In a process of its own: what waits for a daemon that was stopped cannot always be killed, and a thread that waits
 * would keep this process from ending. And it may be this very process that has to answer.
 */
async function asked(path: string): Promise<string> {
  const script = "require('fs').statfs(process.argv[1], (e) => process.stdout.write(e === null ? 'alive' : e.code))";
  const child: ChildProcess = spawn(process.execPath, ["-e", script, path], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let answer = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  try {
    await once(child, "close", { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer;
  } catch {
    child.kill("SIGKILL");
    child.unref();
    child.stdout?.destroy();
    return "slow";
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
  const [mount] = mountsAt(path);
  if (mount !== undefined) throw new DeviceError("EEXIST", `${path} was taken by ${mount.source} meanwhile`);
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

/** @param firstMade the outermost of those that were made; undefined: none was */
function removeFolders(innermost: string, firstMade: string | undefined): void {
  if (firstMade === undefined) return;
  const above = dirname(realPath(firstMade));
  for (let folder = innermost; folder !== above && folder !== "/"; folder = dirname(folder))
    quietly(() => rmdirSync(folder));
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw refusal(path, error);
  }
}

function isForbidden(code: string): code is "EACCES" | "EPERM" | "EROFS" {
  return code === "EACCES" || code === "EPERM" || code === "EROFS";
}

function refusal(path: string, error: unknown): DeviceError {
  const code = errorCode(error);
  const known = Object.hasOwn(ERRNO, code);
  if (isForbidden(code))
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
