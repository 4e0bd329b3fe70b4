// Whose sound server a program's is: by the user who runs it, and what that user's environment says.
// A program chooses its environment, so what is in it counts only as far as it is that user's own: @devlift/pulse looks
// at who owns the socket and the cookie. Of a setuid program the environment is its caller's, and so is the server.

import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import type { Caller } from "@devlift/core";

export interface User {
  readonly uid: number;
  /** The variables that say where a sound server is, as far as they are set. */
  readonly environment: Readonly<Record<string, string>>;
}

const VARIABLES = ["PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_COOKIE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOME"];
/** Bytes of an environment that are looked at. */
const MOST_ENVIRONMENT = 128 * 1024;

/** The user of a program that waits in open(2). */
export function userOf({ pid, uid }: Caller): User {
  if (pid === 0) return { uid, environment: {} };
  return { uid: realUid(pid) ?? uid, environment: environmentOf(pid) };
}

/** The first of "Uid: real effective saved filesystem" (proc(5)). */
function realUid(pid: number): number | undefined {
  try {
    const real = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return real === undefined ? undefined : Number(real);
  } catch {
    return undefined;
  }
}

/** As the program was started; empty where the daemon may not read it. */
function environmentOf(pid: number): Record<string, string> {
  const text = head(`/proc/${pid}/environ`);
  const environment: Record<string, string> = {};
  for (const line of text.split("\0")) {
    const name = VARIABLES.find((variable) => line.startsWith(`${variable}=`));
    if (name !== undefined) environment[name] ??= line.slice(name.length + 1);
  }
  return environment;
}

function head(path: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    const bytes = Buffer.alloc(MOST_ENVIRONMENT);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null);
    return bytes.toString("latin1", 0, length);
  } catch {
    return "";
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
