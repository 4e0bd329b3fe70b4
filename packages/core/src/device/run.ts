// runDaemon(): the last line of a driver that is a program. A command line in, device files, signals, an exit status.
// Lifetime: the process. Device files go in the reverse of the order in which they came.

import { basename } from "node:path";
import type { Channel } from "../channel/channel.ts";
import { DeviceError, UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { AnyDevice } from "./device.ts";
import { type DaemonCommand, type DaemonOptions, parseDaemonCommand } from "./run-options.ts";
import { CHANNELS, serve } from "./serve.ts";
import { stderrLogAt } from "./stderr-log.ts";

export interface RunOptions {
  /** The words of the command line. Default: the process's */
  readonly args?: readonly string[];
  /** What the program is called. Default: the name of its main file */
  readonly program?: string;
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
  const { args = process.argv.slice(2), program = basename(process.argv[1] ?? "daemon") } = options;
  const served = "driver" in devices ? [devices] : devices;
  let command: DaemonCommand;
  try {
    command = parseDaemonCommand({
      args,
      channels: CHANNELS.map((kind) => kind.name),
      devices: served.map((device) => device.name),
    });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${program}: ${error.message}\nTry '${program} --help'.\n`);
    return process.exit(EXIT.USAGE);
  }
  if ("print" in command) {
    const { version = "unknown", about = `serves ${served.map(({ name }) => `/dev/${name}`).join(", ")}` } = options;
    process.stdout.write(command.print === "help" ? help(program, about) : `${program} ${version}\n`);
    return process.exit(EXIT.OK);
  }
  const { run } = command;
  const { log = stderrLogAt(run.logLevel), close = () => undefined } = options;
  // Timers and hardware would keep the process; everything that had to be given back has been.
  return process.exit(await runDevices(served, { ...run, log, close }));
}

interface Running extends DaemonOptions {
  readonly log: Logger;
  readonly close: () => void | Promise<void>;
}

/** @returns the exit status */
async function runDevices(devices: readonly AnyDevice[], running: Running): Promise<number> {
  const { log } = running;
  const stopped = stopSignal(log);
  const channels: Channel[] = [];
  let status: number = EXIT.OK;
  try {
    for (const device of devices) channels.push(await serve(device, serveOptions(running)));
    const ended = await Promise.race([stopped, ...channels.map(endOf)]);
    if (typeof ended !== "string") throw ended;
    log.info({}, `${ended}: freeing clients and removing the device files`);
  } catch (error) {
    log.error({}, error instanceof Error ? error.message : String(error));
    status = EXIT.FAILED;
  }
  for (const step of [...channels.reverse().map((channel) => () => channel.close()), running.close]) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, "not everything could be given back");
      status = EXIT.FAILED;
    }
  }
  return status;
}

function serveOptions({ channel, path, permissions, log }: Running) {
  return { channel, permissions, log, ...(path === undefined ? {} : { path }) };
}

/** What ended it. */
async function endOf(channel: Channel): Promise<Error> {
  return (await channel.ended) ?? new DeviceError("ENODEV", `${channel.path} was taken away`);
}

/** Resolves with the first signal that asks for the end; the second ends the process at once. */
export function stopSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
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

function help(program: string, about: string): string {
  return `${program}: ${about}

Usage: ${program} [options]

  --channel CHANNEL     how the device file is made: ${CHANNELS.map((kind) => kind.name).join(", ")}, or
                        auto (the best that this machine has, the default)
  --path PATH           where it is (default: /dev/ and the device's name)
  --mode MODE           its permissions, octal (default: the kernel's, root alone)
  --owner USER          its owner, name or number
  --group GROUP         its group, name or number
  --log-level LEVEL     debug, info (default), warn or error
  --version             prints the version
  --help                prints this

It logs to stderr, and ends with SIGTERM or SIGINT. Exit status: 0 after a signal, 1 when it failed, 2 for a wrong
command line.
`;
}
