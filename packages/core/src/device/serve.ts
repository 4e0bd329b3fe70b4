// Puts a device on a channel: the last line of every driver.

import type { Channel, ChannelKind, NodePermissions } from "../channel/channel.ts";
import { cuse } from "../channel/cuse.ts";
import type { Logger } from "../log.ts";
import { chooseChannel } from "./choose.ts";
import type { AnyDevice } from "./device.ts";
import { stderrLog } from "./stderr-log.ts";

export interface ServeOptions {
  /** A channel, its name, or "auto" for the best that the machine has. Default "auto" */
  readonly channel?: ChannelKind | string;
  /** Default: /dev/ and the device's name */
  readonly path?: string;
  readonly permissions?: NodePermissions;
  /** Default: warnings and errors, on stderr */
  readonly log?: Logger;
}

/** Every channel, best first. */
export const CHANNELS: readonly ChannelKind[] = [cuse];

/**
 * Makes the device file and answers its callers until the channel is closed.
 * @throws UsageError when no channel works here; DeviceError when the device file cannot be made
 */
export async function serve(device: AnyDevice, options: ServeOptions = {}): Promise<Channel> {
  const { channel = "auto", path = `/dev/${device.name}`, log = stderrLog, permissions } = options;
  const { kind, why } =
    typeof channel === "string" ? chooseChannel(CHANNELS, channel) : { kind: channel, why: channel.name };
  const { driver, files } = device;
  const opened = await kind.open({ driver, files, path, log, ...(permissions === undefined ? {} : { permissions }) });
  log.info({ device: opened.path, channel: kind.name }, `serving ${opened.path} over ${why}`);
  return opened;
}
