// Whose sound server a program's is: by the user who runs it, and what that user's environment says.
// A program chooses its environment, so what is in it counts only as far as that user's own rights go. A daemon of root's
// reaches it as that user, by a helper. Of a setuid program the environment is its caller's, and so is the server.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Account, type Caller, connectAs, DeviceError, readFileAs } from "@devlift/core";
import type { Reach } from "@devlift/pulse";

export interface User extends Account {
  /** The variables that say where a sound server is, as far as they are set. */
  readonly environment: Readonly<Record<string, string>>;
}

const VARIABLES = [
  "PULSE_SERVER",
  "PULSE_RUNTIME_PATH",
  "PULSE_COOKIE",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "HOME",
  "ALSA_CONFIG_PATH",
];
/** Bytes of an environment that are looked at: what a helper brings. */
const MOST_ENVIRONMENT = 65_536;
/** Milliseconds for an environment, which is in its program's memory, and that can be a file which never comes. */
const PATIENCE_MS = 1000;
const ROOT: Account = { uid: 0, gid: 0 };

/** The user of a program that waits in open(2). */
export async function userOf({ pid, uid, gid }: Caller): Promise<User> {
  if (pid === 0) return { uid, gid, environment: {} };
  const account = realIds(pid) ?? { uid, gid };
  return { ...account, environment: await environmentOf(pid, account) };
}

/** How what a user's environment names is reached; undefined: as ourselves, because that is the user, or we are not root. */
export function reachAs(account: Account): Reach | undefined {
  if (!isRoot() || account.uid === ROOT.uid) return undefined;
  return {
    connect: (path, signal) => connectAs(account, path, signal),
    read: (path, signal) => readFileAs(account, path, signal),
  };
}

/** The first of "Uid: real effective saved filesystem", and of Gid (proc(5)). */
function realIds(pid: number): Account | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const [, uid, gid] = /^Uid:\t(\d+).*\nGid:\t(\d+)/m.exec(status) ?? [];
    return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
  } catch {
    return undefined;
  }
}

/** As the program was started; empty where the daemon may not read it. */
async function environmentOf(pid: number, account: Account): Promise<Record<string, string>> {
  const path = `/proc/${pid}/environ`;
  let bytes: Buffer;
  try {
    bytes = await (isRoot() ? readAs(account, path, AbortSignal.timeout(PATIENCE_MS)) : readFile(path));
  } catch {
    return {};
  }
  const environment: Record<string, string> = {};
  for (const line of bytes.toString("latin1", 0, MOST_ENVIRONMENT).split("\0")) {
    const name = VARIABLES.find((variable) => line.startsWith(`${variable}=`));
    if (name !== undefined) environment[name] ??= line.slice(name.length + 1);
  }
  return environment;
}

/** As the user, which takes no capability; a setuid program's is root's alone. */
async function readAs(account: Account, path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readFileAs(account, path, signal);
  } catch (error) {
    if (!(error instanceof DeviceError && error.code === "EACCES")) throw error;
    return await readFileAs({ ...ROOT, onBehalfOf: account.uid }, path, signal);
  }
}

export function isRoot(): boolean {
  return process.geteuid?.() === ROOT.uid;
}
