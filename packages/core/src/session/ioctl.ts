// An IOCTL request matched with the driver's schemas: one round of the kernel's retry protocol (fs/fuse/ioctl.c).

import { DeviceError } from "../errors.ts";
import { type CommandTable, type DataModel, describeIoctl, type Peek, plan, type Region } from "../layout/index.ts";
import * as abi from "../wire/abi.ts";
import type { RequestView } from "../wire/request.ts";
import type { Call } from "./call.ts";

/** Areas of the caller's memory that the next round shall bring. */
export interface Areas {
  readonly in: readonly Region[];
  readonly out: readonly Region[];
}

/**
 * Fills in what the call is, or says what is still missing.
 * @throws DeviceError ENOTTY for a command that the driver does not have, or what plan() throws
 */
export function planIoctl(
  request: RequestView,
  table: CommandTable,
  call: Call,
  peek: Peek | undefined,
): Areas | undefined {
  const model = modelOf(request.ioctlFlags);
  const entry = table.lookup(request.ioctlCommand, model);
  if (entry === undefined)
    throw new DeviceError("ENOTTY", `no such ioctl: ${describeIoctl(request.ioctlCommand)} (${model})`);
  const input = request.payload();
  if (input.length !== request.ioctlInSize) throw new DeviceError("EIO", "an ioctl with less data than it says");
  const { ioctlArgument: arg, ioctlOutSize: outSize } = request;
  const found = plan(entry.command, { model, arg, input, outSize, peek });
  if (found.kind === "retry") return found;
  call.entry = entry;
  call.model = model;
  call.arg = found.value;
  call.encodeOutput = found.reply;
  return undefined;
}

export function modelOf(flags: number): DataModel {
  if ((flags & abi.FUSE_IOCTL_32BIT) === 0) return "lp64";
  return (flags & abi.FUSE_IOCTL_COMPAT_X32) === 0 ? "ilp32" : "x32";
}
