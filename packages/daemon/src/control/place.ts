// Where daemons' control sockets are. Each daemon has one of its own, named by its command and its process, so that any
// number of them can run; whoever asks looks at all.
// A folder counts only where nobody but its owner, who is the user or root, can put anything into it: so a socket in it
// is that daemon's, whoever else is on the machine.

import { lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";
import { isAbsolute, join } from "node:path";
import { ControlError } from "../errors.ts";

const GROUP_AND_OTHERS_WRITE = 0o022;
const ROOT = 0;
const SYSTEM = "/run/devlift";

/** The folders of a user, the one of the user's own daemons first. */
export function controlFolders(environment: NodeJS.ProcessEnv = process.env, uid: number = euid()): readonly string[] {
  const runtime = environment["XDG_RUNTIME_DIR"];
  const own = runtime !== undefined && isAbsolute(runtime) ? [join(runtime, "devlift")] : [];
  return uid === ROOT ? [SYSTEM, ...own] : [...own, SYSTEM];
}

/** @param name the daemon's command, e.g. "devlift-oss" */
export function socketName(name: string, pid: number): string {
  return `${name}-${pid}.sock`;
}

/** Daemons' sockets that are in a folder, of those that have ended badly, too. Nothing when there is no such folder. */
export function socketsIn(folder: string, name: string): { readonly path: string; readonly pid: number }[] {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const [, command, digits] = /^(.+)-(\d+)\.sock$/.exec(entry) ?? [];
    return command === name ? [{ path: join(folder, entry), pid: Number(digits) }] : [];
  });
}

/** Makes a folder of a daemon's own user. @throws ControlError when it is there and others may write to it */
export function makeFolder(folder: string): void {
  try {
    // Root's may be looked into: what is in it is not to be connected to.
    mkdirSync(folder, { recursive: true, mode: euid() === ROOT ? 0o755 : 0o700 });
  } catch (cause) {
    throw new ControlError(`${folder} cannot be made: ${messageOf(cause)}`, { cause });
  }
  const stats = lstatSync(folder);
  if (!stats.isDirectory() || !isOurs(stats) || (stats.mode & GROUP_AND_OTHERS_WRITE) !== 0)
    throw new ControlError(`${folder} is not a folder that only this user, or root, can write to`);
}

/** @throws ControlError when somebody else could have put a socket there */
export function checkSocket(path: string): void {
  let stats: Stats;
  try {
    stats = lstatSync(path);
  } catch (cause) {
    throw new ControlError(`no daemon listens at ${path}`, { cause });
  }
  if (!stats.isSocket()) throw new ControlError(`${path} is not a socket`);
  if (!isOurs(stats)) throw new ControlError(`${path} is a socket of user ${stats.uid}'s`);
}

function isOurs({ uid }: Stats): boolean {
  return uid === euid() || uid === ROOT;
}

function euid(): number {
  return process.geteuid?.() ?? ROOT;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
