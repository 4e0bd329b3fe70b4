// The FUSE/CUSE kernel ABI, names verbatim from include/uapi/linux/fuse.h (protocol 7.36).
// Structs are schemas of the layout package: their offsets drive request.ts and reply.ts.

import { i32, struct, u16, u32, u64 } from "../layout/index.ts";

export const FUSE_KERNEL_VERSION = 7;
/**
 * The minor that we answer with, and the least that FUSE_INIT takes: 31 brought FOPEN_STREAM (Linux 5.2). What is newer
 * in our structs is flags, which older kernels ignore.
 */
export const FUSE_KERNEL_MINOR_VERSION = 31;

export const FUSE_OPCODE = {
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  INIT: 26,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  BATCH_FORGET: 42,
  CUSE_INIT: 4096,
} as const;

export const FUSE_ROOT_ID = 1;

export const FUSE_NOTIFY_POLL = 1;
export const FUSE_NOTIFY_STORE = 4;
/** Since Linux 6.9 (FUSE 7.40): what was read and not answered is sent again, with FUSE_UNIQUE_RESEND. */
export const FUSE_NOTIFY_RESEND = 7;
/** In the high half of a request's number. */
export const FUSE_UNIQUE_RESEND = 0x8000_0000;

/** Flags of FUSE_INIT. */
export const FUSE_ATOMIC_O_TRUNC = 1 << 3;
export const FUSE_BIG_WRITES = 1 << 5;
export const FUSE_MAX_PAGES = 1 << 22;

export const FOPEN_DIRECT_IO = 1 << 0;
export const FOPEN_STREAM = 1 << 4;
/** Of protocol 7.35 (Linux 5.16). */
export const FOPEN_NOFLUSH = 1 << 5;
/** Of protocol 7.38 (Linux 6.2, Debian's 6.1). */
export const FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6;

export const FATTR_MODE = 1 << 0;
export const FATTR_UID = 1 << 1;
export const FATTR_GID = 1 << 2;
export const FATTR_ATIME = 1 << 4;
export const FATTR_MTIME = 1 << 5;

/** Of stat(2)'s st_mode. */
export const S_IFREG = 0o100000;

export const CUSE_UNRESTRICTED_IOCTL = 1 << 0;

export const FUSE_IOCTL_COMPAT = 1 << 0;
export const FUSE_IOCTL_UNRESTRICTED = 1 << 1;
export const FUSE_IOCTL_RETRY = 1 << 2;
export const FUSE_IOCTL_32BIT = 1 << 3;
export const FUSE_IOCTL_COMPAT_X32 = 1 << 5;

export const FUSE_POLL_SCHEDULE_NOTIFY = 1 << 0;

/** Of open(2) flags, asm-generic/fcntl.h: x86, arm and riscv agree. */
export const O_NONBLOCK = 0o4000;
export const O_TRUNC = 0o1000;

/** Pages that a request of a mounted file may have: the largest fs.fuse.max_pages_limit by default (FUSE_MAX_MAX_PAGES). */
export const MAX_PAGES = 256;
/** Largest read of a mounted file, in bytes. */
export const MAX_MOUNT_READ: number = MAX_PAGES * 4096;

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

export const fuse_init_in = struct({ major: u32, minor: u32, max_readahead: u32, flags: u32 });
/** Without the spare words: see FUSE_INIT_OUT_SIZE. */
export const fuse_init_out = struct({
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: u32,
  max_background: u16,
  congestion_threshold: u16,
  max_write: u32,
  time_gran: u32,
  max_pages: u16,
  map_alignment: u16,
});
/** sizeof(struct fuse_init_out) from protocol 7.23 on, with flags2 and spare words. */
export const FUSE_INIT_OUT_SIZE = 64;

export const fuse_attr = struct({
  ino: u64,
  size: u64,
  blocks: u64,
  atime: u64,
  mtime: u64,
  ctime: u64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u32,
  blksize: u32,
  flags: u32,
});
export const fuse_getattr_in = struct({ getattr_flags: u32, dummy: u32, fh: u64 });
export const fuse_attr_out = struct({ attr_valid: u64, attr_valid_nsec: u32, dummy: u32, attr: fuse_attr });
export const fuse_setattr_in = struct({
  valid: u32,
  padding: u32,
  fh: u64,
  size: u64,
  lock_owner: u64,
  atime: u64,
  mtime: u64,
  ctime: u64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  unused4: u32,
  uid: u32,
  gid: u32,
  unused5: u32,
});
export const fuse_fsync_in = struct({ fh: u64, fsync_flags: u32, padding: u32 });
export const fuse_forget_in = struct({ nlookup: u64 });
export const fuse_batch_forget_in = struct({ count: u32, dummy: u32 });
/** With the six spare words of struct fuse_kstatfs. */
export const FUSE_STATFS_OUT_SIZE = 80;
export const fuse_statfs_out = struct({
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  bsize: u32,
  namelen: u32,
  frsize: u32,
});
export const fuse_notify_store_out = struct({ nodeid: u64, offset: u64, size: u32, padding: u32 });

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
