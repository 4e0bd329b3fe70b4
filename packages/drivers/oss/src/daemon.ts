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
import { UserSource } from "./backend/user-source.ts";
import { type DspOptions, defineDsp } from "./dsp.ts";
import type { DspFile } from "./dsp-file.ts";
import { MU_LAW, U8 } from "./format.ts";
import { Mixers } from "./mixer.ts";
import { defineMixer } from "./mixer-device.ts";
import type { Options } from "./options.ts";
import { defineSndstat } from "./sndstat.ts";
import { statusOf } from "./status.ts";
import type { Inventory } from "./system-ioctls.ts";

/** Programs are freed at once; a server that hangs is not waited for. */
const GIVE_BACK_MS = 40_000;

/**
 * Serves until SIGTERM, SIGINT or SIGHUP, and gives everything back.
 * @throws UsageError or DeviceError when it cannot start; Error of a channel that ended by itself
 */
export async function runDaemon(options: Options, { log, version, describe }: DaemonParts): Promise<void> {
  const stopped = stopSignal(log);
  // It would end the process while nothing is served.
  process.on("SIGUSR2", () => undefined);
  const manager = new ServiceManager(log);
  const source = new UserSource(options);
  const inventory = inventoryOf(options, source, version);
  const openFiles = new Set<DspFile>();
  const channels: Channel[] = [];
  let recording: Recording | undefined;
  try {
    recording = startWatching(options.watching, log);
    describe({ status: () => statusOf(inventory, openFiles) });
    for (const device of devicesOf(options, { inventory, source, openFiles, log })) {
      const path = join(options.folder, device.name);
      const { channel, permissions } = options;
      channels.push(await serve(device, { channel, path, permissions, log, recording }));
    }
    const summary = `${channels.map(({ path }) => path).join(", ")} play on ${source.name}`;
    log.info({ version }, `ready: ${summary}`);
    manager.ready(summary);
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

function inventoryOf({ devices, folder }: Options, source: BackendSource, version: string): Inventory {
  const paths = (names: readonly string[]) => names.map((name) => join(folder, name));
  const audio = paths([...devices.dsp, ...devices.adsp, ...devices.audio]);
  return { version, audio, mixers: paths(devices.mixer), server: source.name };
}

function devicesOf(options: Options, parts: DeviceParts): AnyDevice[] {
  const { devices, folder, maxOpens, maxOpensPerUser } = options;
  const { inventory } = parts;
  const common = { ...parts, mixers: new Mixers(), maxOpens, maxOpensPerUser };
  const at = (name: string) => ({ name, path: join(folder, name) });
  const formatOf = (name: string) => (devices.audio.includes(name) ? MU_LAW : U8);
  return [
    ...[...devices.dsp, ...devices.adsp, ...devices.audio].map((name) =>
      defineDsp({ ...common, ...at(name), format: formatOf(name) }),
    ),
    ...devices.mixer.map((name) => defineMixer({ ...common, ...at(name) })),
    ...devices.sndstat.map((name) => defineSndstat({ name, inventory })),
  ];
}

/** What the devices share. */
type DeviceParts = Required<Pick<DspOptions, "inventory" | "source" | "openFiles" | "log">>;

async function endOf(channel: Channel): Promise<Error> {
  return (await channel.ended) ?? new DeviceError("ENODEV", `${channel.path} was taken away`);
}
