// /dev/fuse: a regular file at the path, for kernels and containers without CUSE. The root of the mount is the file
// itself (as in libfuse's example null.c), so the mount point is a file, too. One connection is one file.
// What such a file cannot be stands in docs/architecture.md.

import { accessSync, constants, existsSync } from "node:fs";
import { resolve } from "node:path";
import { DeviceError } from "../errors.ts";
import { FuseNode } from "../session/fuse-node.ts";
import { whyNotCarried } from "../session/restricted.ts";
import type { Availability, Channel, ChannelKind, ChannelOptions, NodePermissions, Wanted } from "./channel.ts";
import { fuseConnection, introduce } from "./fuse-connection.ts";
import { DEV_FUSE, mountFile, unmountFile, wayToMount } from "./fuse-mount.ts";
import { mayTakePlace, takePlace } from "./fuse-place.ts";

/** The FUSE channel. */
export const fuse: ChannelKind = { name: "fuse", serves: new Set(["ioctls of any size"]), probe, open };

function probe(wanted?: Wanted): Availability {
  if (!existsSync(DEV_FUSE))
    return {
      usable: false,
      why: `there is no ${DEV_FUSE} ('modprobe fuse' loads the kernel's module where it has one)`,
    };
  try {
    accessSync(DEV_FUSE, constants.R_OK | constants.W_OK);
  } catch {
    return { usable: false, why: `no permission to open ${DEV_FUSE}` };
  }
  if (wanted !== undefined && !mayTakePlace(resolve(wanted.path)))
    return { usable: false, why: `no permission to make ${wanted.path}; a path of this user's own would do` };
  switch (wayToMount()) {
    case "root":
      return { usable: true, why: `a regular file over ${DEV_FUSE}, mounted directly` };
    case "fusermount3":
      return { usable: true, why: `a regular file over ${DEV_FUSE}, mounted by fusermount3` };
    default:
      return { usable: false, why: "this process may not mount (no CAP_SYS_ADMIN), and there is no fusermount3" };
  }
}

async function open(options: ChannelOptions): Promise<Channel> {
  const { usable, why } = probe();
  const way = wayToMount();
  if (!usable || way === undefined) throw new DeviceError("ENODEV", why);
  const { log } = options;
  const place = await takePlace(resolve(options.path), (mount) => unmountFile(mount, way), log);
  warnOfLostCommands(options);
  const mounted = await mountFile(place, way, log).catch((error: unknown) => {
    place.remove();
    throw error;
  });
  const node = new FuseNode(ownerOf(options.permissions), Date.now);
  const connection = fuseConnection(mounted.fd, { ...options, node });
  const ended = connection.ended.then(async (error) => {
    await mounted.unmount().catch((err: unknown) => log.error({ err }, `${place.path} stays mounted`));
    place.remove();
    return error;
  });
  const close = async () => {
    await connection.close();
    await ended;
  };
  try {
    await introduce(connection);
  } catch (error) {
    await close();
    throw error;
  }
  connection.start();
  return { path: options.path, ended, close };
}

/** As of a CUSE node: the daemon's user, and nobody else. */
function ownerOf(permissions: NodePermissions = {}) {
  const { mode = 0o600, uid = process.geteuid?.() ?? 0, gid = process.getegid?.() ?? 0 } = permissions;
  return { mode, uid, gid };
}

/** Programs will get ENOTTY for these: whoever starts the daemon shall know, and why. */
function warnOfLostCommands({ driver, log, path }: ChannelOptions): void {
  const lost = Object.entries(driver.commands ?? {}).flatMap(([name, command]) => {
    const why = whyNotCarried(command, "lp64");
    return why === undefined ? [] : [`${name}: ${why}`];
  });
  if (lost.length > 0)
    log.warn(
      { device: path, lost },
      `a file of a FUSE mount cannot carry these ioctls, which get ENOTTY (the cuse channel can): ${lost.join("; ")}`,
    );
}
