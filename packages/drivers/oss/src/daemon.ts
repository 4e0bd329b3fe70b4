// The daemon from a parsed command line to its end: a way to the sound servers, device files, and signals.
// Lifetime: the process. Device files go first, in the reverse of their order, and with them the programs' streams.

import { join } from "node:path";
import {
  type AnyDevice,
  type Channel,
  DeviceError,
  type Recording,
  ServiceManager,
  serve,
  startWatching,
  stopSignal,
} from "@devlift/core";
import type { DaemonParts } from "@devlift/daemon";
import type { BackendSource } from "./backend/backend.ts";
import { PulseSource } from "./backend/pulse-source.ts";
import { defineDsp } from "./dsp.ts";
import { MU_LAW, U8 } from "./format.ts";
import { Mixers } from "./mixer.ts";
import { defineMixer } from "./mixer-device.ts";
import type { Options } from "./options.ts";
import { defineSndstat } from "./sndstat.ts";
import type { Inventory } from "./system-ioctls.ts";

/** Programs are freed at once; a server that hangs is not waited for. */
const GIVE_BACK_MS = 40_000;

/**
 * Serves until SIGTERM, SIGINT or SIGHUP, and gives everything back.
 * @throws UsageError or DeviceError when it cannot start; Error of a channel that ended by itself
 */
export async function runDaemon(options: Options, { log, version }: DaemonParts): Promise<void> {
  const stopped = stopSignal(log);
  // It would end the process while nothing is served.
  process.on("SIGUSR2", () => undefined);
  const manager = new ServiceManager(log);
  const source = new PulseSource(options);
  const channels: Channel[] = [];
  let recording: Recording | undefined;
  try {
    recording = startWatching(options.watching, log);
    for (const device of devicesOf(options, source, { log, version })) {
      const path = join(options.folder, device.name);
      const { channel, permissions } = options;
      channels.push(await serve(device, { channel, path, permissions, log, recording }));
    }
    const status = `${channels.map(({ path }) => path).join(", ")} play on ${source.name}`;
    log.info({ version }, `ready: ${status}`);
    manager.ready(status);
    const ended = await Promise.race([stopped, ...channels.map(endOf)]);
    if (typeof ended !== "string") throw ended;
    log.info({}, `${ended}: freeing programs and removing the device files`);
  } finally {
    manager.stopping("freeing programs and removing the device files");
    const overdue = setTimeout(() => {
      log.error({}, `not everything was given back within ${GIVE_BACK_MS / 1000} s`);
      process.exit(1);
    }, GIVE_BACK_MS);
    for (const channel of channels.reverse()) await channel.close();
    source.close();
    recording?.close();
    clearTimeout(overdue);
  }
}

function devicesOf(options: Options, source: BackendSource, { log, version }: DaemonParts): AnyDevice[] {
  const { devices, maxOpens, maxOpensPerUser } = options;
  const mixers = new Mixers();
  const at = (name: string) => ({ name, path: join(options.folder, name) });
  const audio = [...devices.dsp, ...devices.adsp, ...devices.audio].map(at);
  const inventory: Inventory = {
    version,
    audio: audio.map(({ path }) => path),
    mixers: devices.mixer.map((name) => at(name).path),
    server: source.name,
  };
  const common = { inventory, source, mixers, log, maxOpens, maxOpensPerUser };
  const formatOf = (name: string) => (devices.audio.includes(name) ? MU_LAW : U8);
  return [
    ...audio.map((place) => defineDsp({ ...common, ...place, format: formatOf(place.name) })),
    ...devices.mixer.map((name) => defineMixer({ ...common, ...at(name) })),
    ...devices.sndstat.map((name) => defineSndstat({ name, inventory })),
  ];
}

async function endOf(channel: Channel): Promise<Error> {
  return (await channel.ended) ?? new DeviceError("ENODEV", `${channel.path} was taken away`);
}
