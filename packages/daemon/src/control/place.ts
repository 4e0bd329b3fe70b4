// Where daemons' control sockets are, and whose a client believes. Each daemon has a socket of its own, named by its
// command and its process, so that any number of them can run; whoever asks looks at all.
//
//   /run/devlift/devlift-oss-811.sock         of a daemon that root has started
//   /run/devlift/pilot/devlift-pilot-812.sock of a service: RuntimeDirectory=devlift/pilot, whatever user it runs as
//   $XDG_RUNTIME_DIR/devlift/...              of a daemon of one's own
//
// A socket says who its daemon is by where it is. A folder counts only where nobody but its owner can put anything into it,
// and that owner is root, who asks, or, one below /run/devlift, whoever root has made it for: a user of systemd's
// DynamicUser=, whose number says nothing. Such a user answers for its own driver alone, by the folder's name.

import { lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { ControlError } from "../errors.ts";

const GROUP_AND_OTHERS_WRITE = 0o022;
const ROOT = 0;
const SYSTEM = "/run/devlift";
const PREFIX = "devlift-";
/** Sockets looked at in one folder: who may make some can make many. */
const MOST_SOCKETS = 64;

/** What counts for where sockets are. */
export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly uid: number;
  /** Default: /run/devlift */
  readonly system?: string;
}

export interface FoundSocket {
  readonly path: string;
  /** "devlift-oss". */
  readonly command: string;
  readonly pid: number;
}

export function here(): Surroundings {
  return { environment: process.env, uid: euid() };
}

/** The folders that are looked through, the one of the user's own daemons first. */
export function controlFolders({ environment, uid, system = SYSTEM }: Surroundings = here()): readonly string[] {
  const runtime = environment["XDG_RUNTIME_DIR"];
  const own = runtime !== undefined && isAbsolute(runtime) ? [join(runtime, "devlift")] : [];
  return uid === ROOT ? [system, ...own] : [...own, system];
}

/** Where a daemon puts its socket: where systemd has made a folder for it (systemd.exec(5)), else its user's. */
export function ownFolder(surroundings: Surroundings = here()): string {
  const [service = ""] = (surroundings.environment["RUNTIME_DIRECTORY"] ?? "").split(":");
  return isAbsolute(service) ? service : (controlFolders(surroundings)[0] ?? SYSTEM);
}

/** @param command the daemon's, e.g. "devlift-oss" */
export function socketName(command: string, pid: number): string {
  return `${command}-${pid}.sock`;
}

/** Daemons' sockets that are in a folder, of those that have ended badly, too. Nothing when there is no such folder. */
export function socketsIn(folder: string, command?: string): FoundSocket[] {
  const found = namesIn(folder).flatMap((entry) => {
    const [, name, digits] = /^(.+)-(\d{1,10})\.sock$/.exec(entry) ?? [];
    if (name === undefined || (command !== undefined && name !== command)) return [];
    return [{ path: join(folder, entry), command: name, pid: Number(digits) }];
  });
  return found.slice(0, MOST_SOCKETS);
}

/** All sockets of a command, or of all, that are to be asked; whether somebody answers there is to be seen. */
export function findSockets(command?: string, surroundings: Surroundings = here()): FoundSocket[] {
  const { system = SYSTEM } = surroundings;
  const services = namesIn(system).filter((name) => isServiceFolder(join(system, name), system));
  return [
    ...controlFolders(surroundings).flatMap((folder) => socketsIn(folder, command)),
    ...services.flatMap((name) => socketsIn(join(system, name), PREFIX + name)),
  ].filter((socket) => command === undefined || socket.command === command);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
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
  if (!isClosed(stats) || !isOurs(stats))
    throw new ControlError(`${folder} is not a folder that only this user, or root, can write to`);
}

/** @throws ControlError when somebody else could have put a socket there */
export function checkSocket(path: string, system: string = SYSTEM): void {
  let stats: Stats;
  try {
    stats = lstatSync(path);
  } catch (cause) {
    throw new ControlError(`no daemon listens at ${path}`, { cause });
  }
  if (!stats.isSocket()) throw new ControlError(`${path} is not a socket`);
  if (isOurs(stats)) return;
  const folder = dirname(path);
  const isService = isServiceFolder(folder, system) && lstatSync(folder).uid === stats.uid;
  if (!isService || !basename(path).startsWith(`${PREFIX}${basename(folder)}-`))
    throw new ControlError(`${path} is a socket of user ${stats.uid}'s`);
}

/** Root has made it for somebody, who alone can write to it. */
function isServiceFolder(folder: string, system: string): boolean {
  if (dirname(folder) !== system) return false;
  try {
    const above = lstatSync(system);
    return isClosed(above) && above.uid === ROOT && isClosed(lstatSync(folder));
  } catch {
    return false;
  }
}

/** A folder, and no link to one, that its owner alone can write to. */
function isClosed(stats: Stats): boolean {
  return stats.isDirectory() && (stats.mode & GROUP_AND_OTHERS_WRITE) === 0;
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
