// @devlift/core: what a driver is written against.

export type { Availability, Channel, ChannelKind, NodePermissions } from "./channel/channel.ts";
export { systemClock } from "./channel/clock.ts";
export { cuse } from "./channel/cuse.ts";
export { fusd } from "./channel/fusd.ts";
export { fuse } from "./channel/fuse.ts";
export { type MemoryFile, MemoryKernel } from "./channel/memory.ts";
export { accountId } from "./device/accounts.ts";
export { type Account, connectAs, readFileAs } from "./device/as-user.ts";
export { chooseChannel } from "./device/choose.ts";
export { type AnyDevice, Device, defineDevice } from "./device/device.ts";
export { type Process, processOf } from "./device/process.ts";
export { Recording } from "./device/record.ts";
export { type ReplayFileOptions, replay } from "./device/replay.ts";
export {
  LEAVE_SIGNAL,
  type RunOptions,
  runDaemon,
  startWatching,
  stopSignal,
} from "./device/run.ts";
export {
  absolutePath,
  oneOf,
  type PermissionWords,
  parsed,
  parsePermissions,
  parseWatching,
  traceWord,
  WATCHING_OPTIONS,
  type Watching,
} from "./device/run-options.ts";
export { CHANNELS, type ServeOptions, serve } from "./device/serve.ts";
export { nowServed, type OpenedFile, type Served, servedNow, type UnansweredCall } from "./device/served.ts";
export { ServiceManager } from "./device/service-manager.ts";
export { type TraceTarget, tracing } from "./device/tracing.ts";
export { ERRNO, type ErrnoName, errnoName } from "./errno.ts";
export { DeviceError, errorCode, InternalError, UsageError } from "./errors.ts";
export * from "./layout/index.ts";
export { type Logger, silent } from "./log.ts";
export * as native from "./native.ts";
export * from "./session/index.ts";
