// The first request of a connection, by which the kernel and the session introduce themselves.

import type { Logger } from "../log.ts";
import * as abi from "../wire/abi.ts";
import type { RequestView } from "../wire/request.ts";

/** Whether we can talk to this kernel; the log has why not. */
export function speaksOurs(view: RequestView, leastMinor: number, log: Logger): boolean {
  const { initMajor: major, initMinor: minor } = view;
  if (major === abi.FUSE_KERNEL_VERSION && minor >= leastMinor) return true;
  const ours = `${abi.FUSE_KERNEL_VERSION}.${leastMinor}`;
  log.error({ major, minor }, `the kernel speaks FUSE ${major}.${minor}, and ${ours} is needed`);
  return false;
}

/** What CUSE_INIT's answer says of the device, "DEVNAME=...\0". */
export function cuseInfo(deviceName: string): Uint8Array {
  // A slash in a device's name is a '!' in sysfs, and devtmpfs makes a folder of it (drivers/base/core.c).
  return new TextEncoder().encode(`DEVNAME=${deviceName.replaceAll("/", "!")}\0`);
}
