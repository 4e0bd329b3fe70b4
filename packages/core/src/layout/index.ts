// C layouts and ioctl commands as schemas, and the pointer planner. Pure: no I/O, nothing of Node.

export { formatValue } from "./format.ts";
export {
  type Command,
  type CommandTable,
  command,
  commandTable,
  describeIoctl,
  type IoctlType,
  io,
  ior,
  iorOfAnySize,
  iow,
  iowr,
  type NamedCommand,
  type Passing,
} from "./ioctl.ts";
export type { Direction } from "./layout.ts";
export { alignOf, decode, encode, offsetsOf, sizeOf } from "./marshal.ts";
export type { DataModel } from "./model.ts";
export type { Region } from "./part.ts";
export {
  areasOf,
  type Call,
  CUSE_LIMITS,
  type IoctlRequest,
  type Peek,
  type Plan,
  type PlanLimits,
  plan,
  type Retry,
} from "./plan.ts";
export {
  type Alone,
  address,
  array,
  bytes,
  type CountRule,
  cstring,
  enumeration,
  type Flagged,
  flagged,
  flags,
  type Infer,
  i8,
  i16,
  i32,
  i64,
  int,
  kernelLong,
  kernelUlong,
  type Limit,
  long,
  type PointerSchema,
  ptr,
  type ScalarSchema,
  type Schema,
  type StructSchema,
  struct,
  u8,
  u16,
  u32,
  u64,
  uint,
  ulong,
  union,
} from "./schema.ts";
export { type FlatCommand, type FlatLink, type FlatTable, type FlatType, flatTable } from "./table.ts";
