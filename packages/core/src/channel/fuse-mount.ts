// A FUSE mount of a single file: by mount(2) where the process may, else by fusermount3, which is set-user-ID root.
// Objects: a FuseMount, from the mount to unmount(); beside it a watcher, a shell that unmounts when the daemon is gone
// without having done so. It waits for the end of a pipe that only the daemon holds, so no kill -9 escapes it.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { DeviceError, errorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import { MOUNT, mount, receiveFd, socketPair, umount2 } from "../native.ts";
import { MAX_MOUNT_READ, S_IFREG } from "../wire/abi.ts";
import { MADE, MOUNT_TYPE, type Place } from "./fuse-place.ts";
import { type Mount, mountsAt, whereIs } from "./fuse-table.ts";

export const DEV_FUSE = "/dev/fuse";
const FUSERMOUNT = "fusermount3";
/** Of include/uapi/linux/capability.h. */
const CAP_SYS_ADMIN = 21n;
/** Of include/uapi/asm-generic/fcntl.h: a descriptor that stands for a place, and opens nothing. */
const O_PATH = 0o10000000;
/** Of include/linux/fs.h. */
const UMOUNT_NOFOLLOW = 8;
/** How long something else may lie on a mount of ours: a daemon that was too late for the path takes its own away. */
const COVERED_MS = 1000;

export interface FuseMount {
  /** Of /dev/fuse; the caller closes it. */
  readonly fd: number;
  /** To be called when the descriptor is closed; also when the mount is gone already. */
  unmount(): Promise<void>;
}

/** "root": mount(2). "fusermount3": without privilege. */
export type Way = "root" | "fusermount3";

/** How this process can mount, or undefined. In a container root may well lack the capability. */
export function wayToMount(): Way | undefined {
  if (hasSysAdmin()) return "root";
  return findProgram(FUSERMOUNT) === undefined ? undefined : "fusermount3";
}

function hasSysAdmin(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function findProgram(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "/usr/bin:/bin").split(delimiter);
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Mounts a file on a place. @throws DeviceError */
export async function mountFile(place: Place, way: Way, log: Logger): Promise<FuseMount> {
  // Nobody else's mount has this source, so the watcher cannot take a later one for ours.
  const source = `devlift:${process.pid}:${randomBytes(4).toString("hex")}${place.made ? MADE : ""}`;
  const mount = { path: place.path, source };
  const dismissWatcher = watch(place, source, log);
  // Whatever goes wrong with it, the watcher has another try.
  const unmount = () => unmountFile(mount, way).finally(dismissWatcher);
  let fd: number | undefined;
  try {
    checkFirst(place.path, undefined);
    fd = way === "root" ? mountAsRoot(place.path, source) : await mountAsUser(place.path, source, log);
    checkFirst(place.path, source);
    return { fd, unmount };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    await unmount().catch((err: unknown) => log.error({ err }, `${place.path} stays mounted`));
    throw error;
  }
}

/** Of two daemons that take one path at a time, the one whose mount lies below stays. @throws DeviceError("EEXIST") */
function checkFirst(path: string, source: string | undefined): void {
  const [first] = mountsAt(path);
  if (first?.source === source) return;
  throw new DeviceError("EEXIST", `${path} was ${first ? `taken by ${first.source}` : "unmounted"} meanwhile`);
}

/**
 * allow_other: programs of any user may try, as with a device node. default_permissions: the kernel checks mode and
 * owner, and asks us nothing. max_read: the size of the largest read.
 */
const CHECKED = ["default_permissions", `max_read=${MAX_MOUNT_READ}`];

function mountAsRoot(path: string, source: string): number {
  let fd: number;
  try {
    fd = openSync(DEV_FUSE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    throw new DeviceError("ENODEV", `${DEV_FUSE} cannot be opened (${errorCode(cause)})`, { cause });
  }
  const owner = [`user_id=${process.geteuid?.() ?? 0}`, `group_id=${process.getegid?.() ?? 0}`];
  const data = [`fd=${fd}`, `rootmode=${S_IFREG.toString(8)}`, ...owner, "allow_other", ...CHECKED].join(",");
  let target: number | undefined;
  try {
    target = openEmptyFile(path);
    mount(`/proc/self/fd/${target}`, {
      source,
      type: MOUNT_TYPE,
      flags: MOUNT.MS_NOSUID | MOUNT.MS_NODEV | MOUNT.MS_NOEXEC,
      data,
    });
    return fd;
  } catch (cause) {
    closeSync(fd);
    if (cause instanceof DeviceError) throw cause;
    throw new DeviceError("EPERM", `the kernel refused to mount on ${path} (${errorCode(cause)})`, { cause });
  } finally {
    if (target !== undefined) closeSync(target);
  }
}

/**
 * The file to mount on, held fast: in a folder that others may write to, the path could be made to lead elsewhere
 * between the look at it and the mount, which would then cover any file of the system's.
 */
function openEmptyFile(path: string): number {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  const there = fstatSync(fd);
  if (there.isFile() && there.size === 0) return fd;
  closeSync(fd);
  throw new DeviceError("EEXIST", `${path} is no empty file any more`);
}

/** fusermount3 opens /dev/fuse, mounts, and sends the descriptor through the socket in _FUSE_COMMFD (util/fusermount.c). */
async function mountAsUser(path: string, source: string, log: Logger): Promise<number> {
  const [ours, theirs] = socketPair();
  try {
    const others = otherUsersAllowed() ? ["allow_other"] : [];
    if (others.length === 0)
      log.warn(
        { device: path },
        `only programs of this user can open ${path}, whatever its mode: /etc/fuse.conf has no line user_allow_other`,
      );
    const [, subtype = ""] = MOUNT_TYPE.split(".");
    const options = [`fsname=${source}`, `subtype=${subtype}`, "nosuid", "nodev", "noexec", ...others, ...CHECKED];
    await runFusermount(["-o", options.join(","), "--", path], theirs);
    const fd = receiveFd(ours);
    if (fd < 0) throw new DeviceError("EIO", `${FUSERMOUNT} mounted on ${path} and sent no descriptor (${fd})`);
    return fd;
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

function otherUsersAllowed(): boolean {
  try {
    return /^\s*user_allow_other\s*$/m.test(readFileSync("/etc/fuse.conf", "utf8"));
  } catch {
    return false;
  }
}

/** @param socket becomes descriptor 3 */
async function runFusermount(args: readonly string[], socket?: number): Promise<void> {
  const stdio = ["ignore", "ignore", "pipe", socket ?? "ignore"] as const;
  const env = { ...process.env, LC_ALL: "C", _FUSE_COMMFD: "3" };
  const child = spawn(FUSERMOUNT, args, { stdio: [...stdio], env });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [status]: unknown[] = await once(child, "close").catch((cause: unknown) => {
    throw new DeviceError("ENODEV", `${FUSERMOUNT} cannot be started (${errorCode(cause)})`, { cause });
  });
  if (status !== 0) throw new DeviceError("EPERM", said.trim() || `${FUSERMOUNT} failed with status ${String(status)}`);
}

/**
 * Takes a mount away at once; who has the file open keeps it until the connection ends. Gone already is no error.
 * What else is mounted at its path is left alone: the mount of another daemon since ours was taken away, or upon ours.
 * @throws DeviceError EBUSY when something lies on it
 */
export async function unmountFile(mount: Pick<Mount, "path" | "source">, way: Way): Promise<void> {
  const path = whereIs(mount);
  if (path === undefined) return;
  const onTop = () => mountsAt(path).at(-1);
  for (let left = COVERED_MS; onTop()?.source !== mount.source; left -= 10) {
    const cover = onTop();
    if (cover === undefined) return;
    if (left <= 0) throw new DeviceError("EBUSY", `${cover.source} (${cover.type}) is mounted on ${path}`);
    await setTimeout(10);
  }
  try {
    if (way === "root") umount2(path, MOUNT.MNT_DETACH | UMOUNT_NOFOLLOW);
    else await runFusermount(["-u", "-z", "--", path]);
  } catch (error) {
    const code = errorCode(error);
    // EINVAL: no mount. ENOENT: not even a file.
    if (way === "root" && code !== "EINVAL" && code !== "ENOENT")
      throw new DeviceError("EBUSY", `${path} cannot be unmounted (${code})`, { cause: error });
    if (way !== "root" && !(error instanceof DeviceError && /not found in|not mounted/.test(error.message)))
      throw error;
  }
}

/**
 * Arguments: path, source, "made" when the file there is ours. Takes care that the mount is the one it is to watch, and
 * that nothing lies on it. (A line of mountinfo: number, parent, device, root, path, the rest.)
 */
const WATCHER = `
trap '' HUP INT TERM
read -r _
while read -r _ _ _ _ at rest; do
  case $rest in
    *" $2 "*) ours=$at ;;
    *) [ "$at" = "$ours" ] && ours= ;;
  esac
done < /proc/self/mountinfo
[ "$ours" ] || exit 0
umount -l "$1" 2>&- || ${FUSERMOUNT} -u -z "$1" 2>&-
[ "$3" = made ] && [ -f "$1" ] && [ ! -s "$1" ] && rm -f "$1"
exit 0`;

/** @returns what ends the watcher, which then takes away what is left */
function watch({ path, made }: Place, source: string, log: Logger): () => void {
  const lost = (error: unknown) =>
    log.warn({ device: path }, `nobody will unmount ${path} if this daemon is killed: ${errorCode(error)} for /bin/sh`);
  const args = ["-c", WATCHER, "devlift-unmount", path, source, made ? "made" : "found"];
  let child: ChildProcess;
  try {
    // Its own session, so that a Ctrl-C for the daemon is none for it.
    child = spawn("/bin/sh", args, { stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: "/" });
  } catch (error) {
    lost(error);
    return () => undefined;
  }
  child.on("error", lost);
  // Without a stdin where there was no descriptor left to make one (EMFILE).
  const stdin = child.stdin ?? undefined;
  stdin?.on("error", () => undefined);
  child.unref();
  if (stdin !== undefined && "unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  return () => stdin?.end();
}
