// Puts a device on a channel: the last line of every driver.

import type { Channel, ChannelKind, Need, NodePermissions, Wanted } from "../channel/channel.ts";
import { cuse } from "../channel/cuse.ts";
import { fusd } from "../channel/fusd.ts";
import { fuse } from "../channel/fuse.ts";
import { UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { shed } from "../native.ts";
import type { AnyDriver } from "../session/driver.ts";
import { Tap } from "../session/monitor.ts";
import { chooseChannel } from "./choose.ts";
import type { AnyDevice } from "./device.ts";
import type { Recording } from "./record.ts";
import { nowServed } from "./served.ts";
import { stderrLog } from "./stderr-log.ts";
import { tracing } from "./tracing.ts";

/** When a daemon has started and its first requests have been compiled. */
const SHED_AFTER_MS = 2000;
let willShed = false;

export interface ServeOptions {
  /** A channel, its name, or "auto" for the best that the machine has. Default "auto" */
  readonly channel?: ChannelKind | string;
  /** What names and "auto" choose from, best first. Default: CHANNELS */
  readonly channels?: readonly ChannelKind[];
  /** Default: /dev/ and the device's name */
  readonly path?: string;
  readonly permissions?: NodePermissions;
  /** Default: warnings and errors, on stderr */
  readonly log?: Logger;
  /**
   * Microseconds for which to look for the next request before sleeping, when requests have lately come that fast. Where
   * a program and this daemon run on two CPUs, being woken takes longer than anything else; this trades the daemon's CPU
   * for it. Timers and hardware have their turn meanwhile. Default: 0, never
   */
  readonly spin?: number | undefined;
  /** Where every message is written to. Default: nowhere */
  readonly recording?: Recording | undefined;
}

/** Every channel, best first. */
export const CHANNELS: readonly ChannelKind[] = [fusd, cuse, fuse];

/**
 * Makes the device file and answers its callers until the channel is closed.
 * @throws UsageError when no channel works here; DeviceError when the device file cannot be made
 */
export async function serve(device: AnyDevice, options: ServeOptions = {}): Promise<Channel> {
  const {
    channel = "auto",
    path = `/dev/${device.name}`,
    log = stderrLog,
    permissions,
    recording,
    spin,
    channels = CHANNELS,
  } = options;
  const { driver, files } = device;
  const { kind, why } =
    typeof channel === "string"
      ? choose(channels, channel, { name: device.name, path, driver })
      : { kind: channel, why: channel.name };
  const lacks = lacking(kind, driver);
  if (lacks !== undefined) throw new UsageError(`${device.name} cannot be served: ${lacks}`);
  const tap = new Tap();
  const detach = [tracing.attach(device, tap, log), recording?.attach(device, tap)];
  const forget = () => {
    for (const end of detach) end?.();
  };
  try {
    const opened = await kind.open({
      driver,
      files,
      path,
      log,
      tap,
      spin,
      ...(permissions === undefined ? {} : { permissions }),
    });
    const requests = { files, waiting: () => tap.waiting(), counts: () => tap.counters.counts() };
    detach.push(nowServed({ path: opened.path, channel: kind.name, requests, isOpen: () => files.size > 0 }));
    void opened.ended.then(forget);
    if (!willShed) setTimeout(shed, SHED_AFTER_MS).unref();
    willShed = true;
    log.info({ device: opened.path, channel: kind.name }, `serving ${opened.path} over ${why}`);
    return opened;
  } catch (error) {
    forget();
    throw error;
  }
}

/** @returns what the driver needs and this channel has not, as a sentence */
function lacking(kind: ChannelKind, driver: AnyDriver): string | undefined {
  const needs: Need[] = (["seekable", "flush", "fsync", "mmap"] as const).filter((need) => Boolean(driver[need]));
  if (Object.values(driver.commands ?? {}).some(({ ofSize }) => ofSize !== undefined)) needs.push("ioctls of any size");
  const missing = needs.filter((need) => !kind.serves?.has(need));
  if (missing.length === 0) return undefined;
  const has = CHANNELS.filter(({ serves }) => needs.every((need) => serves?.has(need))).map(({ name }) => name);
  const others = has.length === 0 ? "" : `; ${has.join(" and ")} has`;
  return `the ${kind.name} channel has no ${missing.join(", no ")}${others}`;
}

function choose(channels: readonly ChannelKind[], name: string, wanted: Wanted & { readonly driver: AnyDriver }) {
  const candidates = channels.map((kind) => ({
    name: kind.name,
    kind,
    probe() {
      const why = lacking(kind, wanted.driver);
      return why === undefined ? kind.probe(wanted) : { usable: false, why };
    },
  }));
  const { kind: candidate, why } = chooseChannel(candidates, name);
  return { kind: candidate.kind, why };
}
