// /dev/cuse: a real character device on a stock kernel (fs/fuse/cuse.c). One descriptor is one device, which exists
// from the answered CUSE_INIT to the close of the descriptor.

import { closeSync, constants, existsSync, openSync } from "node:fs";
import { chmod, chown } from "node:fs/promises";
import { DeviceError, errorCode, UsageError } from "../errors.ts";
import type { Availability, Channel, ChannelKind, ChannelOptions, NodePermissions, Wanted } from "./channel.ts";
import { Connection } from "./connection.ts";

const DEV_CUSE = "/dev/cuse";
const OPEN_FLAGS = constants.O_RDWR | constants.O_NONBLOCK;

/** The CUSE channel. */
export const cuse: ChannelKind = { name: "cuse", probe, open: openCuse };

function probe(wanted?: Wanted): Availability {
  if (wanted !== undefined && wanted.path !== pathOf(wanted.name)) return { usable: false, why: misplaced(wanted) };
  if (!existsSync(DEV_CUSE))
    return {
      usable: false,
      why: `there is no ${DEV_CUSE} ('modprobe cuse' loads the kernel's module where it has one)`,
    };
  try {
    // Opening autoloads the module; the device is not made before the first answer, so nothing is left behind.
    closeSync(openSync(DEV_CUSE, OPEN_FLAGS));
    return { usable: true, why: `${DEV_CUSE} is there and can be opened` };
  } catch (error) {
    return { usable: false, why: refusal(error).message };
  }
}

/** The kernel makes the node, and nowhere else. */
function pathOf(name: string): string {
  return `/dev/${name}`;
}

function misplaced({ name, path }: Wanted): string {
  return `a CUSE device named ${name} is at ${pathOf(name)}; it cannot be at ${path}`;
}

function refusal(error: unknown): DeviceError {
  const code = errorCode(error);
  if (code === "EACCES" || code === "EPERM")
    return new DeviceError("EACCES", `no permission to open ${DEV_CUSE}: run as root`, { cause: error });
  return new DeviceError("ENODEV", `${DEV_CUSE} cannot be opened (${code}): try 'modprobe cuse'`, {
    cause: error,
  });
}

async function openCuse(options: ChannelOptions): Promise<Channel> {
  const { path, driver, permissions } = options;
  if (path !== pathOf(driver.name)) throw new UsageError(misplaced({ name: driver.name, path }));
  if (existsSync(path))
    throw new DeviceError("EEXIST", `${path} is there already: end what serves it, or remove a file left there`);
  let fd: number;
  try {
    fd = openSync(DEV_CUSE, OPEN_FLAGS);
  } catch (error) {
    throw refusal(error);
  }
  const connection = new Connection(fd, options);
  try {
    // The kernel makes the node inside the write of this answer.
    await connection.initialise();
    if (!existsSync(path)) throw new DeviceError("EBUSY", `the kernel did not make ${path}: its log (dmesg) says why`);
    await setPermissions(path, permissions);
  } catch (error) {
    await connection.close();
    throw error;
  }
  connection.start();
  return { path, ended: connection.ended, close: () => connection.close() };
}

/** The kernel makes the node root's with mode 0600; what udev rules say about it comes on top. */
async function setPermissions(path: string, permissions: NodePermissions | undefined): Promise<void> {
  if (permissions === undefined) return;
  const { mode, uid, gid } = permissions;
  if (uid !== undefined || gid !== undefined) await chown(path, uid ?? -1, gid ?? -1);
  if (mode !== undefined) await chmod(path, mode);
}
