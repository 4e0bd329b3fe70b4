// Where a user's sound server is, and the cookie that opens it: as libpulse finds both, for a user who need not be ours.
// Sources: PulseAudio src/pulse/context.c, src/pulsecore/{socket-util,core-util,parseaddr}.c, client-conf.c.

import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { PulseError } from "./errors.ts";
import { type Reach, reachAnything } from "./reach.ts";
import { PA_NATIVE_COOKIE_LENGTH, PA_NATIVE_DEFAULT_PORT } from "./wire/abi.ts";

export type ServerAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** Whose server: the environment and user id of the program that it is for. */
export interface User {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

/** The servers to try, in order. @throws PulseError("invalidserver") when PULSE_SERVER is not to be understood */
export async function serverAddresses({ environment, uid }: User): Promise<ServerAddress[]> {
  const named = environment["PULSE_SERVER"];
  if (named !== undefined && named !== "") return parseServers(named, await machineId());
  const { PULSE_RUNTIME_PATH: pulse, XDG_RUNTIME_DIR: xdg, HOME: home } = environment;
  const folders = [
    pulse,
    xdg && join(xdg, "pulse"),
    `/run/user/${uid}/pulse`,
    home && join(home, ".config/pulse", `${await machineId()}-runtime`),
    // The system-wide instance.
    "/run/pulse",
  ];
  // An empty variable is as good as none, and what is not absolute would be below our own folder.
  const paths = folders.flatMap((folder) => (folder && isAbsolute(folder) ? [join(folder, "native")] : []));
  return [...new Set(paths)].map((path) => ({ kind: "unix", path }));
}

/**
 * What PULSE_SERVER says: addresses with blanks between them, each `/PATH`, `unix:/PATH`, `tcp:HOST[:PORT]`, `tcp4:`,
 * `tcp6:` or `HOST[:PORT]`, and before it perhaps `{MACHINE}`, which is the machine that it is meant for.
 */
export function parseServers(text: string, machine: string | undefined): ServerAddress[] {
  const words = text.trim().split(/\s+/);
  const mine = words.flatMap((word) => {
    const [, only, address = ""] = /^(?:\{([^}]*)\})?(.*)$/.exec(word) ?? [];
    return only === undefined || only === machine ? [parseServer(address)] : [];
  });
  if (mine.length === 0)
    throw new PulseError("invalidserver", `PULSE_SERVER names no server for this machine: ${text}`);
  return mine;
}

function parseServer(text: string): ServerAddress {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (isAbsolute(path)) return { kind: "unix", path };
  const [, bracketed, plain, digits] = /^(?:tcp[46]?:)?(?:\[([^\]]+)\]|([^:/]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? PA_NATIVE_DEFAULT_PORT : Number(digits);
  if (host === undefined || port < 1 || port > 65535)
    throw new PulseError("invalidserver", `PULSE_SERVER is not to be understood: ${text}`);
  return { kind: "tcp", host, port };
}

/** For messages. */
export function formatAddress(address: ServerAddress): string {
  return address.kind === "unix" ? address.path : `tcp:${address.host}:${address.port}`;
}

/**
 * The cookie of `file`, else of PULSE_COOKIE, ~/.config/pulse/cookie or ~/.pulse-cookie; zeros, as of libpulse, where
 * there is none, for servers that ask for none.
 *
 * @param reach how files of the user's are read
 * @throws PulseError("authkey") when a file that was named is not the user's, or holds no cookie; what `signal` was aborted
 *   with
 */
export async function readCookie(
  { environment }: Pick<User, "environment">,
  file: string | undefined,
  { reach, signal }: { readonly reach: Reach; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { PULSE_COOKIE: named, XDG_CONFIG_HOME: config, HOME: home } = environment;
  const wanted = file ?? (named === "" ? undefined : named);
  if (wanted !== undefined) return cookieAt(wanted, file === undefined ? reach : reachAnything, signal);
  const usual = [
    config && join(config, "pulse/cookie"),
    home && join(home, ".config/pulse/cookie"),
    home && join(home, ".pulse-cookie"),
  ];
  for (const path of usual) {
    if (path === undefined || !isAbsolute(path)) continue;
    const cookie = await cookieAt(path, reach, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (cookie !== undefined) return cookie;
  }
  return Buffer.alloc(PA_NATIVE_COOKIE_LENGTH);
}

async function cookieAt(path: string, reach: Reach, signal: AbortSignal): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await reach.read(path, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof PulseError) throw cause;
    throw new PulseError("authkey", `the cookie ${path} cannot be read`, { cause });
  }
  if (bytes.length < PA_NATIVE_COOKIE_LENGTH)
    throw new PulseError("authkey", `${path} holds ${bytes.length} bytes, a cookie has ${PA_NATIVE_COOKIE_LENGTH}`);
  return bytes.subarray(0, PA_NATIVE_COOKIE_LENGTH);
}

async function machineId(): Promise<string | undefined> {
  const text = await readFile("/etc/machine-id", "utf8").catch(() => undefined);
  return text?.trim();
}
