// Where the device file goes when nobody says: /dev/pilot, or where this user may write.
// Stateless, but for the directory that it makes.

import { accessSync, constants, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "@devlift/core";
import { DEFAULT_DEVICE } from "./options.ts";

export interface Place {
  readonly path: string;
  /** For the log, when it is not the usual one. */
  readonly why?: string;
}

/** What it needs to know of the process. */
export interface Surroundings {
  readonly uid: number;
  /** XDG_RUNTIME_DIR: the user's own, and gone with the last logout (XDG Base Directory Specification). */
  readonly runtimeDirectory: string | undefined;
  /** Where the device file would be. */
  readonly deviceDirectory: string;
  readonly temporaryDirectory: string;
}

/** For a pty's link. @throws UsageError when others made our directory, or may write to it */
export function defaultLink({ uid, runtimeDirectory, deviceDirectory, temporaryDirectory }: Surroundings): Place {
  if (mayWrite(deviceDirectory)) return { path: DEFAULT_DEVICE };
  const own = runtimeDirectory?.startsWith("/") === true && mayWrite(runtimeDirectory);
  const directory = own ? join(runtimeDirectory, "devlift") : join(temporaryDirectory, `devlift-${uid}`);
  makePrivate(directory, uid);
  return { path: join(directory, "pilot"), why: `${DEFAULT_DEVICE} needs permission to write to ${deviceDirectory}` };
}

/** In /tmp anybody could have been there first: a link of theirs would hand our client to them. */
function makePrivate(directory: string, uid: number): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== uid)
    throw new UsageError(`${directory} belongs to somebody else: name another place with --device`);
  if ((found.mode & 0o022) !== 0)
    throw new UsageError(`others may write to ${directory}: name another place with --device, or chmod 700 it`);
}

function mayWrite(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
