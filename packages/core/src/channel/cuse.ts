// /dev/cuse: a real character device on a stock kernel (fs/fuse/cuse.c). One descriptor is one device: the device
// exists from the answered CUSE_INIT to the close of the descriptor.
// The main loop is woken once when requests are there; then each native call writes one answer and reads the next
// request, until the kernel has none: two system calls a request.

import { closeSync, constants, existsSync, openSync, statSync } from "node:fs";
import { chmod, chown } from "node:fs/promises";
import { ERRNO, errnoName } from "../errno.ts";
import { DeviceError, InternalError, UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Exchange, native, POLLIN } from "../native.ts";
import { FuseSession, type Parts } from "../session/fuse-session.ts";
import type { Availability, Channel, ChannelKind, ChannelOptions, NodePermissions } from "./channel.ts";
import { systemClock } from "./clock.ts";

const DEV_CUSE = "/dev/cuse";
/** Requests answered in one turn of the main loop, so that hardware and timers get theirs. */
const BURST = 64;

function probe(): Availability {
  if (!existsSync(DEV_CUSE))
    return { usable: false, why: `there is no ${DEV_CUSE}: load the kernel's module with 'modprobe cuse'` };
  try {
    closeSync(openSync(DEV_CUSE, constants.O_RDWR | constants.O_NONBLOCK));
    return { usable: true, why: `${DEV_CUSE} can be opened: a real character device` };
  } catch (error) {
    const code = errorCode(error);
    if (code === "EACCES" || code === "EPERM")
      return { usable: false, why: `no permission for ${DEV_CUSE}: run as root, or give this user access to it` };
    return { usable: false, why: `${DEV_CUSE} cannot be opened (${code}): load the kernel's module with 'modprobe cuse'` };
  }
}

/** The CUSE channel. */
export const cuse: ChannelKind = { name: "cuse", probe, open: (options) => CuseChannel.open(options) };
