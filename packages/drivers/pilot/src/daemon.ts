// The daemon from a parsed command line to its end: a channel, a source of handhelds, a device file, and signals.
// Lifetime: the process. What it holds is given back in the reverse order: callers and device file, handheld, bus.

import {
  type Channel,
  DeviceError,
  LEAVE_SIGNAL,
  type Logger,
  type Recording,
  ServiceManager,
  startWatching,
  stopSignal,
} from "@devlift/core";
import type { DaemonParts } from "@devlift/daemon";
import type { Options } from "./options.ts";
import { chooseServing, type Serving } from "./serving.ts";
import { openSource, type Source } from "./source.ts";

/** Giving back takes milliseconds; what is in flight to a handheld or a server that is silent takes seconds. */
const GIVE_BACK_MS = 40_000;

/**
 * Serves until SIGTERM, SIGINT or SIGHUP, and gives everything back.
 * @throws UsageError, UsbError or DeviceError when it cannot start; Error of a channel that ended by itself
 */
export async function runDaemon(options: Options, { log, version, describe }: DaemonParts): Promise<void> {
  const stopped = stopSignal(log);
  const manager = new ServiceManager(log);
  const serving = chooseServing(options);
  log.info({ version, channel: serving.kind }, `channel ${serving.why}`);
  if (serving.place.why !== undefined) log.info({}, `the device file is ${serving.place.path}: ${serving.place.why}`);
  const recording = startWatching(options.watching, log);
  const source = await openSource(options.source, serving.front, log);
  describe(source);
  const ended = await serveUntilEnd({ serving, source, stopped, manager, log, recording });
  if (ended instanceof Error) throw ended;
}

interface Running {
  readonly serving: Serving;
  readonly source: Source;
  readonly stopped: Promise<string>;
  readonly manager: ServiceManager;
  readonly log: Logger;
  readonly recording: Recording | undefined;
}

/** @returns the signal that ended it, or why the channel ended by itself */
async function serveUntilEnd(running: Running): Promise<string | Error> {
  const { source, stopped, manager, log, recording } = running;
  const starting = startServing(running);
  let left = false;
  try {
    const channel = await Promise.race([stopped, starting]);
    if (typeof channel === "string") {
      log.info({}, `${channel} before all was ready: ending`);
      return channel;
    }
    const status = `${channel.path} serves ${source.what}`;
    log.info({ device: channel.path }, `ready: ${status}. Try: pilot-xfer --port ${channel.path} --list`);
    manager.ready(status);
    const ended = await Promise.race([stopped, endOf(channel)]);
    if (ended === LEAVE_SIGNAL && channel.leave !== undefined) {
      left = true;
      log.info({}, `${ended}: ${channel.path} is left to the next daemon`);
      await channel.leave();
    } else if (typeof ended === "string") log.info({}, `${ended}: freeing clients and giving the handheld back`);
    return ended;
  } finally {
    manager.stopping(left ? "leaving the port to the next daemon" : "giving the handheld back");
    const overdue = setTimeout(() => {
      log.error({}, `not everything was given back within ${GIVE_BACK_MS / 1000} s`);
      process.exit(1);
    }, GIVE_BACK_MS);
    // A signal may have come first. Why starting failed was thrown above.
    const channel = await starting.catch(() => undefined);
    if (!left) await channel?.close();
    recording?.close();
    if (!left) await source.close();
    clearTimeout(overdue);
  }
}

async function startServing({ serving, source, log, recording }: Running): Promise<Channel> {
  await source.start();
  return await serving.serve(source.driver, log, recording);
}

async function endOf(channel: Channel): Promise<Error> {
  return (await channel.ended) ?? new DeviceError("ENODEV", `${channel.path} was taken away`);
}
