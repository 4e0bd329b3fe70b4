// The one file of a FUSE mount, as the kernel asks about it: what is negotiated for it, and what stat(2) says of it.
// Lives as long as its session; changes only by chmod, chown and utimes, which come through here.

import type { Infer } from "../layout/index.ts";
import * as abi from "../wire/abi.ts";
import type { ReplyFront } from "../wire/reply.ts";
import type { RequestView } from "../wire/request.ts";

export interface NodeOwner {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const PERMISSIONS = 0o7777;
/** What stat(2) says of a change: st_ctime. */
const CHANGES = abi.FATTR_MODE | abi.FATTR_UID | abi.FATTR_GID | abi.FATTR_ATIME | abi.FATTR_MTIME;
/** Seconds that the kernel may keep what we say: for good, because every change goes through us. */
const ATTRIBUTES_VALID = 0xffff_ffffn;
const BLOCK_SIZE = 4096;
/**
 * Closes that the kernel sends at a time (RELEASE is a background request): with its own 12, a few slow closes would
 * hold up all others. Congestion, three quarters of it as in fs/fuse/inode.c, is of no meaning here.
 */
const MAX_BACKGROUND = 1024;

/** The first minor with FOPEN_PARALLEL_DIRECT_WRITES: Linux 6.2, and Debian's 6.1. */
const PARALLEL_WRITES_MINOR = 38;

export class FuseNode {
  #mode: number;
  #uid: number;
  #gid: number;
  #atime: [seconds: bigint, nanoseconds: number];
  #mtime: [seconds: bigint, nanoseconds: number];
  #ctime: [seconds: bigint, nanoseconds: number];
  readonly #now: () => number;
  #parallelWrites = false;

  /** @param now milliseconds since 1970 */
  constructor({ mode, uid, gid }: NodeOwner, now: () => number) {
    this.#mode = mode & PERMISSIONS;
    this.#uid = uid;
    this.#gid = gid;
    this.#now = now;
    this.#ctime = this.#time();
    this.#atime = this.#ctime;
    this.#mtime = this.#ctime;
  }

  /**
   * Whether the kernel lets several writes go on at a time, as long as they stay within what it takes for the size.
   * Older kernels hold the file's lock (inode_lock) for as long as a write waits.
   */
  get parallelWrites(): boolean {
    return this.#parallelWrites;
  }

  /**
   * DIRECT_IO: each call comes here as it was made, past the page cache. STREAM: there is no position, so the kernel
   * does not hold one call on a descriptor up until another ends (f_pos_lock). NOFLUSH: close() does not take the
   * file's lock, which a waiting write may hold.
   */
  readonly openFlags: number =
    abi.FOPEN_DIRECT_IO | abi.FOPEN_STREAM | abi.FOPEN_NOFLUSH | abi.FOPEN_PARALLEL_DIRECT_WRITES;

  /**
   * ATOMIC_O_TRUNC: open(O_TRUNC), which is what `echo > file` does, is an open and no SETATTR, which takes the lock.
   * Not taken: ASYNC_DIO, which would send the parts of one transfer at once and in any order; locks, which the kernel
   * then keeps itself; and all that is about caches, names and folders.
   * MAX_PAGES: reads of up to 1 MiB are one request, because the kernel goes on after one that was filled, and would wait
   * for more while it has something to give. Writes are 128 KiB as on CUSE: they take a buffer each.
   */
  init(view: RequestView, front: ReplyFront): Uint8Array {
    this.#parallelWrites = view.initMinor >= PARALLEL_WRITES_MINOR;
    return front.init({
      major: abi.FUSE_KERNEL_VERSION,
      minor: abi.FUSE_KERNEL_MINOR_VERSION,
      max_readahead: 0,
      flags: view.initFlags & (abi.FUSE_ATOMIC_O_TRUNC | abi.FUSE_BIG_WRITES | abi.FUSE_MAX_PAGES),
      max_background: MAX_BACKGROUND,
      congestion_threshold: (MAX_BACKGROUND * 3) / 4,
      max_write: abi.MAX_TRANSFER,
      time_gran: 1,
      max_pages: abi.MAX_PAGES,
      map_alignment: 0,
    });
  }

  getattr(_view: RequestView, front: ReplyFront): Uint8Array {
    return front.attributes(this.#attributes());
  }

  /** The kernel has checked who may (default_permissions). A size is taken and means nothing, as truncate(2) of a device. */
  setattr(view: RequestView, front: ReplyFront): Uint8Array {
    const valid = view.setattrValid;
    if ((valid & CHANGES) !== 0) this.#ctime = this.#time();
    if ((valid & abi.FATTR_MODE) !== 0) this.#mode = view.setattrMode & PERMISSIONS;
    if ((valid & abi.FATTR_UID) !== 0) this.#uid = view.setattrUid;
    if ((valid & abi.FATTR_GID) !== 0) this.#gid = view.setattrGid;
    if ((valid & abi.FATTR_ATIME) !== 0) this.#atime = view.setattrAtime;
    if ((valid & abi.FATTR_MTIME) !== 0) this.#mtime = view.setattrMtime;
    return front.attributes(this.#attributes());
  }

  #time(): [seconds: bigint, nanoseconds: number] {
    const ms = this.#now();
    return [BigInt(Math.floor(ms / 1000)), Math.floor(ms % 1000) * 1_000_000];
  }

  /** An empty file system, as statfs(2) finds it where nothing is stored (devtmpfs has a size, and no meaning for it). */
  statfs(_view: RequestView, front: ReplyFront): Uint8Array {
    const nothing = { blocks: 0n, bfree: 0n, bavail: 0n, files: 1n, ffree: 0n };
    return front.statfs({ ...nothing, bsize: BLOCK_SIZE, namelen: 255, frsize: BLOCK_SIZE });
  }

  #attributes(): Infer<typeof abi.fuse_attr_out> {
    const [[atime, atimensec], [mtime, mtimensec], [ctime, ctimensec]] = [this.#atime, this.#mtime, this.#ctime];
    const times = { atime, mtime, ctime, atimensec, mtimensec, ctimensec };
    const owner = { mode: abi.S_IFREG | this.#mode, uid: this.#uid, gid: this.#gid };
    // Size 0, as files in /proc: programs then read until there is no more, whatever they think of regular files.
    const rest = { size: 0n, blocks: 0n, nlink: 1, rdev: 0, blksize: BLOCK_SIZE, flags: 0 };
    const attr = { ino: BigInt(abi.FUSE_ROOT_ID), ...times, ...owner, ...rest };
    return { attr_valid: ATTRIBUTES_VALID, attr_valid_nsec: 0, dummy: 0, attr };
  }
}
