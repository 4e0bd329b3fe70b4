// The FUSE/CUSE kernel ABI, names verbatim from include/uapi/linux/fuse.h (protocol 7.36).
// Structs are schemas of the layout package: their offsets drive request.ts and reply.ts.

import { i32, struct, u16, u32, u64 } from "../layout/index.ts";

export const FUSE_KERNEL_VERSION = 7;
/** The minor that we answer with: above 16, which brought struct fuse_ioctl_iovec, the newest form that we use. */
export const FUSE_KERNEL_MINOR_VERSION = 31;

export const FUSE_OPCODE = {
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  RELEASE: 18,
  INTERRUPT: 36,
  IOCTL: 39,
  POLL: 40,
  CUSE_INIT: 4096,
} as const;

export const FUSE_NOTIFY_POLL = 1;

export const CUSE_UNRESTRICTED_IOCTL = 1 << 0;

export const FUSE_IOCTL_COMPAT = 1 << 0;
export const FUSE_IOCTL_UNRESTRICTED = 1 << 1;
export const FUSE_IOCTL_RETRY = 1 << 2;
export const FUSE_IOCTL_32BIT = 1 << 3;
export const FUSE_IOCTL_COMPAT_X32 = 1 << 5;

export const FUSE_POLL_SCHEDULE_NOTIFY = 1 << 0;

/** Of open(2) flags, asm-generic/fcntl.h: x86, arm and riscv agree. */
export const O_NONBLOCK = 0o4000;

/** Largest read or write of one request: FUSE_DEFAULT_MAX_PAGES_PER_REQ (32) pages, which CUSE cannot raise. */
export const MAX_TRANSFER = 128 * 1024;

export const fuse_in_header = struct({
  len: u32,
  opcode: u32,
  unique: u64,
  nodeid: u64,
  uid: u32,
  gid: u32,
  pid: u32,
  total_extlen: u16,
  padding: u16,
});

export const fuse_out_header = struct({ len: u32, error: i32, unique: u64 });

export const fuse_open_in = struct({ flags: u32, open_flags: u32 });
export const fuse_open_out = struct({ fh: u64, open_flags: u32, padding: u32 });

export const fuse_release_in = struct({ fh: u64, flags: u32, release_flags: u32, lock_owner: u64 });

export const fuse_read_in = struct({
  fh: u64,
  offset: u64,
  size: u32,
  read_flags: u32,
  lock_owner: u64,
  flags: u32,
  padding: u32,
});

export const fuse_write_in = struct({
  fh: u64,
  offset: u64,
  size: u32,
  write_flags: u32,
  lock_owner: u64,
  flags: u32,
  padding: u32,
});
export const fuse_write_out = struct({ size: u32, padding: u32 });

export const fuse_interrupt_in = struct({ unique: u64 });

export const fuse_ioctl_in = struct({ fh: u64, flags: u32, cmd: u32, arg: u64, in_size: u32, out_size: u32 });
export const fuse_ioctl_iovec = struct({ base: u64, len: u64 });
export const fuse_ioctl_out = struct({ result: i32, flags: u32, in_iovs: u32, out_iovs: u32 });

export const fuse_poll_in = struct({ fh: u64, kh: u64, flags: u32, events: u32 });
export const fuse_poll_out = struct({ revents: u32, padding: u32 });
export const fuse_notify_poll_wakeup_out = struct({ kh: u64 });

export const cuse_init_in = struct({ major: u32, minor: u32, unused: u32, flags: u32 });
/** Without the ten spare words: see CUSE_INIT_OUT_SIZE. */
export const cuse_init_out = struct({
  major: u32,
  minor: u32,
  unused: u32,
  flags: u32,
  max_read: u32,
  max_write: u32,
  dev_major: u32,
  dev_minor: u32,
});
/** sizeof(struct cuse_init_out), `uint32_t spare[10]` included. */
export const CUSE_INIT_OUT_SIZE = 72;
