// The command line that every driver has which ends in runDaemon(): what can be asked for, and what is wrong with what
// was asked. DaemonOptions is a plain value, made once at start. The parts are for drivers with a command line of their
// own, too.

import { parseArgs } from "node:util";
import type { NodePermissions } from "../channel/channel.ts";
import { UsageError } from "../errors.ts";
import { accountId } from "./accounts.ts";
import { LOG_LEVELS, type LogLevel } from "./stderr-log.ts";
import { type TraceTarget, traceTarget } from "./tracing.ts";

export interface DaemonOptions {
  /** A channel's name, or "auto". */
  readonly channel: string;
  /** undefined: /dev/ and the device's name. */
  readonly path: string | undefined;
  /** What was asked for. */
  readonly permissions: NodePermissions;
  readonly logLevel: LogLevel;
  readonly watching: Watching;
}

/** What is written down of a daemon's requests. */
export interface Watching {
  readonly trace: TraceTarget | undefined;
  /** Path of a recording to be made. */
  readonly record: string | undefined;
}

export type DaemonCommand =
  | { readonly run: DaemonOptions }
  | { readonly replay: string; readonly paced: boolean; readonly logLevel: LogLevel }
  | { readonly print: "help" | "version" };

/** What the command line's words mean for this daemon. */
export interface CommandLine {
  readonly args: readonly string[];
  /** The channels that there are, best first. */
  readonly channels: readonly string[];
  /** The devices that are served, by name. */
  readonly devices: readonly string[];
}

/** @throws UsageError that says what is wrong with the command line */
export function parseDaemonCommand({ args, channels, devices }: CommandLine): DaemonCommand {
  const values = parse(args);
  if (values.help) return { print: "help" };
  if (values.version) return { print: "version" };
  if (values.path !== undefined && devices.length > 1)
    throw new UsageError(`--path is for one device, and there are ${devices.length}: ${devices.join(", ")}`);
  const logLevel = oneOf("--log-level", values["log-level"], LOG_LEVELS);
  if (values.replay !== undefined) {
    if (values.record !== undefined) throw new UsageError("--replay serves nothing that --record could record");
    return { replay: values.replay, paced: values.paced, logLevel };
  }
  if (values.paced) throw new UsageError("--paced is for --replay");
  return {
    run: {
      channel: oneOf("--channel", values.channel, ["auto", ...channels]),
      path: values.path === undefined ? undefined : absolutePath("--path", values.path),
      permissions: parsePermissions(values),
      logLevel,
      watching: parseWatching(values),
    },
  };
}

function parse(args: readonly string[]) {
  return parsed(() => parseArgs({ args: traceWord(args), options: OPTIONS })).values;
}

/** For parseArgs(), with words that went through traceWord(). */
export const WATCHING_OPTIONS = { trace: { type: "string" }, record: { type: "string" } } as const;

/** What runDaemon() knows, as parseArgs() wants it. */
export const OPTIONS = {
  channel: { type: "string", default: "auto" },
  path: { type: "string" },
  mode: { type: "string" },
  owner: { type: "string" },
  group: { type: "string" },
  ...WATCHING_OPTIONS,
  replay: { type: "string" },
  paced: { type: "boolean", default: false },
  "log-level": { type: "string", default: "info" },
  version: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** `--trace` alone is `--trace=-`: parseArgs() knows no options that may have a value. */
export function traceWord(args: readonly string[]): string[] {
  return args.map((word) => (word === "--trace" ? "--trace=-" : word));
}

/** @throws UsageError for an option without its file */
export function parseWatching(words: { readonly trace?: string; readonly record?: string }): Watching {
  for (const option of ["trace", "record"] as const)
    if (words[option] === "") throw new UsageError(`--${option}= wants a file`);
  return { trace: words.trace === undefined ? undefined : traceTarget(words.trace), record: words.record };
}

/** Runs parseArgs(). @throws UsageError with the first of its sentences: the others are about positional arguments */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message.split(". ")[0] : cause}`, { cause });
  }
}

/** The words of --mode, --owner and --group. */
export interface PermissionWords {
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** @throws UsageError for a mode that is none, and for accounts that are not there */
export function parsePermissions({ mode, owner, group }: PermissionWords): NodePermissions {
  if (mode !== undefined && (!/^[0-7]{3,4}$/.test(mode) || Number.parseInt(mode, 8) > 0o777))
    throw new UsageError(`--mode ${mode}: permissions are octal, 000 to 0777`);
  return {
    ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
    ...(owner === undefined ? {} : { uid: accountId(owner, "/etc/passwd") }),
    ...(group === undefined ? {} : { gid: accountId(group, "/etc/group") }),
  };
}

/** @throws UsageError when it does not begin with / */
export function absolutePath(option: string, path: string): string {
  if (!path.startsWith("/")) throw new UsageError(`${option} ${path}: give the whole path, beginning with /`);
  if (path.includes("\0")) throw new UsageError(`${option}: a path cannot contain a NUL`);
  return path;
}

/** @throws UsageError that lists what is known */
export function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((it) => it === value);
  if (found === undefined) throw new UsageError(`${option} ${value}: one of ${known.join(", ")}`);
  return found;
}
