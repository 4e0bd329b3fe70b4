// The ABI of /dev/fusd, names verbatim from kernel/fusd/uapi/fusd.h, which says what each means. The structs have no
// padding, no pointer and no long: their offsets, taken here for lp64, are those of every data model.

import { array, bytes, cstring, i32, i64, struct, u8, u16, u32, u64 } from "../layout/index.ts";

export const FUSD_VERSION = 1;
export const FUSD_NAME_MAX = 64;

/** enum fusd_message: what the kernel asks. */
export const FUSD_OP = {
  OPEN: 1,
  RELEASE: 2,
  READ: 3,
  WRITE: 4,
  IOCTL: 5,
  LLSEEK: 6,
  FLUSH: 7,
  FSYNC: 8,
  RESTORE: 9,
  INTERRUPT: 10,
} as const;

/** enum fusd_message: what else the kernel says, and what the daemon does. */
export const FUSD_INFO = 16;
export const FUSD_CREATE = 32;
export const FUSD_TABLE = 33;
export const FUSD_START = 34;
export const FUSD_REPLY = 35;
export const FUSD_PUBLISH = 36;
export const FUSD_WAIT = 37;
export const FUSD_QUIESCE = 38;
export const FUSD_RECOVER = 39;
export const FUSD_DESTROY = 40;
export const FUSD_REGION = 41;
export const FUSD_RING = 42;
export const FUSD_KEEP = 44;

export const FUSD_FEATURE_RECOVERY = 1n << 0n;
export const FUSD_FEATURE_REGIONS = 1n << 1n;
export const FUSD_FEATURE_RING = 1n << 2n;
export const FUSD_FEATURE_KEEP = 1n << 3n;

export const FUSD_POLICY = { fail: 0, hold: 1, reissue: 2 } as const;

export const FUSD_CREATE_SEEKABLE = 1 << 0;

export const FUSD_REGION_READ_ONLY = 1 << 0;
export const FUSD_REGION_PRIVATE = 1 << 1;
/** Where the daemon finds what programs map at 0. */
export const FUSD_MAP_REGIONS: number = 2 ** 40;

export const FUSD_NO_REPLY = 1 << 0;
export const FUSD_REISSUED = 1 << 1;
export const FUSD_IOCTL_32BIT = 1 << 2;
export const FUSD_IOCTL_X32 = 1 << 3;

export const FUSD_REPLY_EVENTS = 1 << 0;
export const FUSD_REPLY_RETRY = 1 << 1;

/** enum fusd_model. */
export const FUSD_MODEL = { lp64: 0, ilp32: 1, x32: 2 } as const;

/** enum fusd_passing. */
export const FUSD_ARG = { NONE: 0, IN: 1, OUT: 2, INOUT: 3, RETRY: 4, PARENT: 5 } as const;

export const FUSD_LINK_TAIL = 1 << 0;
export const FUSD_LINK_NULLABLE = 1 << 1;
export const FUSD_LINK_SIGNED = 1 << 2;

/** What a `max_io` of 0 means, in bytes. */
export const MAX_IO: number = 1024 * 1024;

export const fusd_head = struct({ len: u32, type: u16, flags: u16, id: u64 });

export const fusd_info = struct({
  head: fusd_head,
  version: u32,
  max_io: u32,
  features: u64,
  max_table: u32,
  max_areas: u32,
  files: u32,
  reserved: u32,
});

export const fusd_create = struct({
  head: fusd_head,
  version: u32,
  ops: u32,
  features: u64,
  flags: u32,
  mode: u32,
  uid: u32,
  gid: u32,
  max_io: u32,
  max_opens: u32,
  deadline_ms: u32,
  interrupt_ms: u32,
  recover_ms: u32,
  reserved: u32,
  policy: bytes(16),
  name: cstring(FUSD_NAME_MAX),
});

export const fusd_recover = struct({ head: fusd_head, version: u32, reserved: u32, name: cstring(FUSD_NAME_MAX) });

export const fusd_request = struct({
  head: fusd_head,
  file: u64,
  cookie: u64,
  offset: i64,
  arg: u64,
  file_flags: u32,
  cmd: u32,
  size: u32,
  out_size: u32,
  pid: u32,
  tid: u32,
  uid: u32,
  gid: u32,
});

export const fusd_reply = struct({ head: fusd_head, result: i64, value: u64, events: u32, reserved: u32 });

export const fusd_area = struct({ base: u64, len: u64 });

export const fusd_publish = struct({ head: fusd_head, file: u64, events: u32, wake: u32 });

export const fusd_table = struct({ head: fusd_head, commands: u32, types: u32, links: u32, reserved: u32 });

export const fusd_command = struct({ cmd: u32, model: u8, passing: u8, reserved: u16, type: u32, reserved2: u32 });

export const fusd_type = struct({ size: u32, link: u32, links: u32, reserved: u32 });

export const fusd_link = struct({
  mask: u64,
  offset: u32,
  type: u32,
  max: u32,
  count_offset: u32,
  mask_offset: u32,
  count_size: u8,
  mask_size: u8,
  passing: u8,
  passing_if: u8,
  flags: u8,
  reserved: array(u8, 7),
});

export const fusd_region = struct({ head: fusd_head, offset: u64, size: u64, flags: u32, fd: i32 });

export const FUSD_KEEP_SLOTS = 16;
export const fusd_keep = struct({ head: fusd_head, slot: u32, fd: i32 });
/** _IO('F', 2) */
export const FUSD_IOC_KEPT = 0x4602;

export const fusd_ring_setup = struct({ head: fusd_head, slots: u32, slot_size: u32 });
