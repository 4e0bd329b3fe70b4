// runDaemon(): the last line of a driver that is a program. A command line in, device files, signals, an exit status.
// Lifetime: the process. Device files go in the reverse of the order in which they came.

import { basename } from "node:path";
import type { Channel, ChannelKind } from "../channel/channel.ts";
import { DeviceError, UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { AnyDevice } from "./device.ts";
import { Recording } from "./record.ts";
import { replay } from "./replay.ts";
import { type DaemonCommand, type DaemonOptions, parseDaemonCommand, type Watching } from "./run-options.ts";
import { CHANNELS, serve } from "./serve.ts";
import { ServiceManager } from "./service-manager.ts";
import { stderrLogAt } from "./stderr-log.ts";
import { tracing } from "./tracing.ts";

export interface RunOptions {
  /** The words of the command line. Default: the process's */
  readonly args?: readonly string[];
  /** What the program is called. Default: the name of its main file */
  readonly program?: string;
  /** What --channel chooses from, best first. Default: CHANNELS */
  readonly channels?: readonly ChannelKind[];
  /** A line for --help that says what it serves. Default: the names of the devices */
  readonly about?: string;
  /** Default: "unknown" */
  readonly version?: string;
  /** Default: lines on stderr, from the level of --log-level */
  readonly log?: Logger;
  /** Gives back what the driver holds, when its device files are gone and before the process ends. Default: nothing */
  readonly close?: () => void | Promise<void>;
}

const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/**
 * Serves until SIGTERM, SIGINT or SIGHUP and ends the process: with status 0 after a signal, 1 when a device file
 * could not be made or was taken away, 2 for a wrong command line. A second signal ends it at once.
 */
export async function runDaemon(devices: AnyDevice | readonly AnyDevice[], options: RunOptions = {}): Promise<never> {
  // Who read our words is gone, or the disk is full: what is served matters more than what is said about it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const {
    args = process.argv.slice(2),
    program = basename(process.argv[1] ?? "daemon"),
    channels = CHANNELS,
  } = options;
  const served = "driver" in devices ? [devices] : devices;
  let command: DaemonCommand;
  try {
    command = parseDaemonCommand({ args, channels: namesOf(channels), devices: namesOf(served) });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${program}: ${error.message}\nTry '${program} --help'.\n`);
    return process.exit(EXIT.USAGE);
  }
  if ("print" in command) {
    const { version = "unknown", about = `serves ${served.map(({ name }) => `/dev/${name}`).join(", ")}` } = options;
    process.stdout.write(
      command.print === "help" ? help({ program, about, channels: namesOf(channels) }) : `${program} ${version}\n`,
    );
    return process.exit(EXIT.OK);
  }
  const { logLevel } = "run" in command ? command.run : command;
  const { log = stderrLogAt(logLevel), close = () => undefined } = options;
  // Timers and hardware would keep the process; everything that had to be given back has been.
  if ("replay" in command) return process.exit(await replayTo(served, command, log));
  return process.exit(await runDevices(served, { ...command.run, channels, log, close }));
}

/** @returns the exit status: 1 when an answer differed */
async function replayTo(
  devices: readonly AnyDevice[],
  { replay: path, paced }: Extract<DaemonCommand, { replay: string }>,
  log: Logger,
): Promise<number> {
  try {
    const { requests, compared, differences, skipped } = await replay(devices, path, { log, paced });
    const left = skipped === 0 ? "" : `, ${skipped} left out, because their file was not opened`;
    log.info({}, `${requests} requests, ${compared} answers compared, ${differences} differ${left}`);
    return differences === 0 ? EXIT.OK : EXIT.FAILED;
  } catch (error) {
    log.error({}, error instanceof Error ? error.message : String(error));
    return EXIT.FAILED;
  }
}

function namesOf(named: readonly { readonly name: string }[]): string[] {
  return named.map(({ name }) => name);
}

interface Running extends DaemonOptions {
  readonly channels: readonly ChannelKind[];
  readonly log: Logger;
  readonly close: () => void | Promise<void>;
}

/** @returns the exit status */
async function runDevices(devices: readonly AnyDevice[], running: Running): Promise<number> {
  const { log } = running;
  const stopped = stopSignal(log);
  // It would end the process before the first device is served, and after the last.
  process.on("SIGUSR2", () => undefined);
  const manager = new ServiceManager(log);
  const channels: Channel[] = [];
  let status: number = EXIT.OK;
  let recording: Recording | undefined;
  try {
    recording = startWatching(running.watching, log);
    for (const device of devices) channels.push(await serve(device, { ...serveOptions(running), recording }));
    manager.ready(`serving ${channels.map(({ path }) => path).join(", ")}`);
    const ended = await Promise.race([stopped, ...channels.map(endOf)]);
    if (typeof ended !== "string") throw ended;
    if (ended === LEAVE_SIGNAL && (await left(channels, log))) {
      recording?.close();
      return EXIT.OK;
    }
    log.info({}, `${ended}: freeing clients and removing the device files`);
  } catch (error) {
    log.error({}, error instanceof Error ? error.message : String(error));
    status = EXIT.FAILED;
  }
  manager.stopping("freeing clients and removing the device files");
  const steps = [...channels.reverse().map((channel) => () => channel.close()), running.close];
  for (const step of [...steps, () => recording?.close()]) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, "not everything could be given back");
      status = EXIT.FAILED;
    }
  }
  return status;
}

/** Leaves device files to the next daemon. @returns false when that cannot be done with each of them */
async function left(channels: readonly Channel[], log: Logger): Promise<boolean> {
  if (!channels.every(({ leave }) => leave !== undefined)) return false;
  log.info({}, `${LEAVE_SIGNAL}: the device files are left to the next daemon`);
  await Promise.all(channels.map((channel) => channel.leave?.()));
  return true;
}

/** Switches on what the command line asked for. @throws UsageError when a file cannot be made */
export function startWatching({ trace, record }: Watching, log: Logger): Recording | undefined {
  if (trace !== undefined) tracing.start(trace);
  return record === undefined ? undefined : new Recording(record, log);
}

function serveOptions({ channel, channels, path, permissions, log }: Running) {
  return { channel, channels, permissions, log, ...(path === undefined ? {} : { path }) };
}

/** What ended it. */
async function endOf(channel: Channel): Promise<Error> {
  return (await channel.ended) ?? new DeviceError("ENODEV", `${channel.path} was taken away`);
}

/** Asks a daemon to leave its device files to the next one, for an upgrade; where it cannot, to end as by the others. */
export const LEAVE_SIGNAL = "SIGUSR1";

/** Resolves with the first signal that asks for the end; the second ends the process at once. */
export function stopSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", LEAVE_SIGNAL] as const)
      process.on(signal, () => {
        if (asked) {
          log.warn({}, `${signal} again: ending at once`);
          process.exit(EXIT.FAILED);
        }
        asked = true;
        resolve(signal);
      });
  });
}

interface HelpText {
  readonly program: string;
  readonly about: string;
  readonly channels: readonly string[];
}

function help({ program, about, channels }: HelpText): string {
  return `${program}: ${about}

Usage: ${program} [options]

  --channel CHANNEL     how the device file is made: ${channels.join(", ")}, or
                        auto (the best that this machine has, the default)
  --path PATH           where it is (default: /dev/ and the device's name)
  --mode MODE           its permissions, octal (default: the kernel's, root alone)
  --owner USER          its owner, name or number
  --group GROUP         its group, name or number
  --trace[=FILE]        a line for each request, to stderr or to a file; SIGUSR2 switches it on and off
  --record FILE         writes down every message, what programs read and write included
  --replay FILE         serves nothing: makes a recorded session again and shows where the answers differ
  --paced               with --replay: at the times of the recording, not as fast as the driver answers
  --log-level LEVEL     debug, info (default), warn or error
  --version             prints the version
  --help                prints this

It logs to stderr, and ends with SIGTERM or SIGINT. Exit status: 0 after a signal or a replay without difference, 1
when it failed or answers differed, 2 for a wrong command line.
`;
}
