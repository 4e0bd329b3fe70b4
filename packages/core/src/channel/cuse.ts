// /dev/cuse: a real character device on a stock kernel (fs/fuse/cuse.c). One descriptor is one device, which exists
// from the answered CUSE_INIT to the close of the descriptor.

import { chmod, chown } from "node:fs/promises";
import { DeviceError, errorCode } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Channel, ChannelKind, ChannelOptions, NodePermissions } from "./channel.ts";
import { ControlDevice, isThere } from "./control-device.ts";
import { fuseConnection, introduce } from "./fuse-connection.ts";

const CONTROL = new ControlDevice("cuse", "the kernel's module where it has one");

/** The CUSE channel. */
export const cuse: ChannelKind = {
  name: "cuse",
  serves: new Set(["ioctls of any size"]),
  probe: (wanted) => CONTROL.probe(wanted),
  open: openCuse,
};

async function openCuse(options: ChannelOptions): Promise<Channel> {
  const { path, driver, permissions } = options;
  const fd = CONTROL.open({ name: driver.name, path });
  const connection = fuseConnection(fd, options);
  try {
    // The kernel makes the node inside the write of this answer.
    await introduce(connection);
    if (!isThere(path)) throw new DeviceError("EBUSY", `the kernel did not make ${path}: its log (dmesg) says why`);
    await setPermissions(path, permissions, options.log);
  } catch (error) {
    await connection.close();
    throw error;
  }
  connection.start();
  return { path, ended: connection.ended, close: () => connection.close() };
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
