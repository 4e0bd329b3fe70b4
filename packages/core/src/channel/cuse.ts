// /dev/cuse: a real character device on a stock kernel (fs/fuse/cuse.c). One descriptor is one device, which exists from
// the answered CUSE_INIT to the close of the descriptor, by whoever has it last: where the service manager keeps one, the
// device of a driver with `recovery` outlives its daemon.

import { chmod, chown } from "node:fs/promises";
import { DeviceError, errorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Channel, ChannelKind, ChannelOptions, NodePermissions } from "./channel.ts";
import { ControlDevice, isThere } from "./control-device.ts";
import { fdStore } from "./fd-store.ts";
import { fuseConnection, introduce } from "./fuse-connection.ts";
import { KeptDevice } from "./kept-device.ts";

const CONTROL = new ControlDevice("cuse", "the kernel's module where it has one");

/** The CUSE channel. */
export const cuse: ChannelKind = {
  name: "cuse",
  serves: new Set(["ioctls of any size"]),
  probe: (wanted) => CONTROL.probe(wanted),
  open(options) {
    const kept = options.driver.recovery === undefined ? undefined : keptDevice(options);
    return kept === undefined ? openCuse(options) : openKept(options, kept);
  },
};

async function openCuse(options: ChannelOptions): Promise<Channel> {
  const { path, driver } = options;
  const connection = fuseConnection(CONTROL.open({ name: driver.name, path }), options);
  try {
    await introduce(connection);
    await made(options);
  } catch (error) {
    await connection.close();
    throw error;
  }
  connection.start();
  return { path, ended: connection.ended, close: () => connection.close() };
}

/** @returns undefined where nobody keeps it */
function keptDevice({ driver, log }: ChannelOptions): KeptDevice | undefined {
  const store = fdStore();
  if (store === undefined) return undefined;
  try {
    return new KeptDevice(store, driver);
  } catch (error) {
    log.warn({}, `the device ends with its daemon: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** The device of an earlier daemon, or one that outlives this. */
async function openKept(options: ChannelOptions, kept: KeptDevice): Promise<Channel> {
  const { path, driver, log } = options;
  const { outliving, file: requests, left } = kept;
  const fd = left ?? CONTROL.open({ name: driver.name, path });
  const connection = fuseConnection(fd, { ...options, outliving, requests });
  const close = async () => {
    kept.forget();
    await connection.close();
  };
  try {
    kept.giveMemory(log);
    if (left === undefined) {
      await introduce(connection);
      await made(options);
      kept.keep(fd);
    } else {
      log.info({ device: path }, `${path} is taken over from a daemon that has ended`);
      await connection.recover();
    }
  } catch (error) {
    await close();
    throw error;
  } finally {
    kept.close();
  }
  connection.start();
  const leave = () => connection.leave(async () => driver.leave?.());
  return { path, ended: connection.ended, close, leave };
}

/** The kernel has made the node inside the write of an answer. @throws DeviceError when it has not */
async function made({ path, permissions, log }: ChannelOptions): Promise<void> {
  if (!isThere(path)) throw new DeviceError("EBUSY", `the kernel did not make ${path}: its log (dmesg) says why`);
  await setPermissions(path, permissions, log);
}

/**
 * The kernel makes the node root's with mode 0600; what udev rules say about it comes on top. A service that is not root
 * may open /dev/cuse where a rule of udev lets it, and leaves the node to such a rule, too.
 */
async function setPermissions(path: string, permissions: NodePermissions | undefined, log: Logger): Promise<void> {
  if (permissions === undefined) return;
  const { mode, uid, gid } = permissions;
  try {
    if (uid !== undefined || gid !== undefined) await chown(path, uid ?? -1, gid ?? -1);
    if (mode !== undefined) await chmod(path, mode);
  } catch (error) {
    if (errorCode(error) !== "EPERM") throw error;
    log.info({}, `mode and owner of ${path} are udev's to set: this user may not`);
  }
}
