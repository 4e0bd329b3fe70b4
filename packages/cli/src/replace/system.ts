// The machine that is changed: its files and what its commands do. A change is on the disk when it returns.

import { spawnSync } from "node:child_process";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { errorCode, UsageError } from "@devlift/core";
import { thisMachine } from "../machine.ts";
import { isLoaded } from "../modules.ts";

/** A file as it is, to be put back byte for byte. */
export interface FileImage {
  /** Base64. */
  readonly bytes: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface System {
  /** @returns undefined when there is none @throws UsageError when it is no plain file */
  readFile(path: string): FileImage | undefined;
  /** Undefined removes it. Whoever looks finds all of it, old or new, also after a loss of power. */
  writeFile(path: string, image: FileImage | undefined): void;
  /** Unless something is in it. */
  removeFolder(path: string): void;
  /** Whether the kernel has the module, loaded or built in. */
  isLoaded(module: string): boolean;
  /** @returns what it printed @throws CommandError when its status is not 0 */
  run(command: string, args: readonly string[]): string;
}

/** A command of the system's failed; the message has what it said. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

export function textFile(text: string): FileImage {
  return { bytes: Buffer.from(text).toString("base64"), mode: 0o644, uid: 0, gid: 0 };
}

/** The machine that this process is on. */
export const thisSystem: System = {
  readFile,
  writeFile,
  removeFolder,
  isLoaded: (module) => isLoaded(thisMachine(), module),
  run,
};

function readFile(path: string): FileImage | undefined {
  try {
    const status = lstatSync(path);
    if (!status.isFile()) throw new UsageError(`${path} is no plain file, and is not touched`);
    const { mode, uid, gid } = status;
    return { bytes: readFileSync(path).toString("base64"), mode: mode & 0o7777, uid, gid };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function writeFile(path: string, image: FileImage | undefined): void {
  const folder = dirname(path);
  if (image === undefined) rmSync(path, { force: true });
  else {
    mkdirSync(folder, { recursive: true });
    // Its name ends in no ".conf" and no ".rules": what is left of a write that was cut short means nothing to anybody.
    const draft = `${path}.devlift-new`;
    rmSync(draft, { force: true });
    const fd = openSync(draft, "wx", 0o600);
    try {
      writeFileSync(fd, Buffer.from(image.bytes, "base64"));
      fchownSync(fd, image.uid, image.gid);
      fchmodSync(fd, image.mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  }
  syncFolder(folder);
}

function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY"].includes(errorCode(error))) throw error;
  }
}

/** The name is on the disk, too. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (error !== undefined) throw new CommandError(`${command} cannot be run (${errorCode(error)})`, { cause: error });
  if (status === 0) return stdout;
  throw new CommandError(`${[command, ...args].join(" ")} failed: ${stderr.trim() || `status ${status}`}`);
}
