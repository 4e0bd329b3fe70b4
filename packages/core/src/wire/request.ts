// Reads one request of the kernel in place. A RequestView is made once over a channel's buffer and moved to each
// request in turn, because a DataView and a bigint a request are what a fast answer can least afford.

import { offsetsOf, sizeOf } from "../layout/index.ts";
import * as abi from "./abi.ts";
import { type Opcode, opcodeOf } from "./opcodes.ts";

const HEADER = offsetsOf(abi.fuse_in_header, "lp64");
const OPEN = offsetsOf(abi.fuse_open_in, "lp64");
const RELEASE = offsetsOf(abi.fuse_release_in, "lp64");
const READ = offsetsOf(abi.fuse_read_in, "lp64");
const WRITE = offsetsOf(abi.fuse_write_in, "lp64");
const IOCTL = offsetsOf(abi.fuse_ioctl_in, "lp64");
const POLL = offsetsOf(abi.fuse_poll_in, "lp64");
const INTERRUPT = offsetsOf(abi.fuse_interrupt_in, "lp64");
const INIT = offsetsOf(abi.cuse_init_in, "lp64");
const FUSE_INIT = offsetsOf(abi.fuse_init_in, "lp64");
const SETATTR = offsetsOf(abi.fuse_setattr_in, "lp64");

export const IN_HEADER_SIZE = sizeOf(abi.fuse_in_header, "lp64");
const ARG = IN_HEADER_SIZE;

/** Why a message is not a request. Only one whose argument is cut off can be answered. */
export type Malformed = "shorter than a header" | "length field does not match" | "argument cut off";

/** One request in a buffer. Its fields are valid until the buffer is read into again. */
export class RequestView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #length = 0;
  #opcode: Opcode | undefined;

  /** @param bytes the buffer that requests are read into, from its start */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves to the request in the first `length` bytes. @returns what is wrong with it, or undefined */
  load(length: number): Malformed | undefined {
    if (length < IN_HEADER_SIZE) return "shorter than a header";
    if (this.#view.getUint32(HEADER.len, true) !== length) return "length field does not match";
    this.#length = length;
    this.#opcode = opcodeOf(this.#view.getUint32(HEADER.opcode, true));
    if (this.#opcode !== undefined && length < ARG + this.#opcode.argumentSize) return "argument cut off";
    return undefined;
  }

  /** undefined when this version does not know the opcode: answer ENOSYS. */
  get opcode(): Opcode | undefined {
    return this.#opcode;
  }
  get opcodeNumber(): number {
    return this.#view.getUint32(HEADER.opcode, true);
  }
  /** Low half of `unique`. Kept in two halves: a bigint a request is slow. */
  get uniqueLow(): number {
    return this.#view.getUint32(HEADER.unique, true);
  }
  get uniqueHigh(): number {
    return this.#view.getUint32(HEADER.unique + 4, true);
  }
  get uid(): number {
    return this.#view.getUint32(HEADER.uid, true);
  }
  get gid(): number {
    return this.#view.getUint32(HEADER.gid, true);
  }
  get pid(): number {
    return this.#view.getUint32(HEADER.pid, true);
  }

  /** Our own file handles are below 2^32, so the low half is all of it; anything else is no handle of ours. */
  get fh(): number {
    return this.#view.getUint32(ARG + 4, true) === 0 ? this.#view.getUint32(ARG, true) : -1;
  }
  get openFlags(): number {
    return this.#view.getUint32(ARG + OPEN.flags, true);
  }
  get releaseFlags(): number {
    return this.#view.getUint32(ARG + RELEASE.flags, true);
  }
  get readSize(): number {
    return this.#view.getUint32(ARG + READ.size, true);
  }
  /** f_flags of the open file at the time of this read(2). */
  get readFlags(): number {
    return this.#view.getUint32(ARG + READ.flags, true);
  }
  get writeSize(): number {
    return this.#view.getUint32(ARG + WRITE.size, true);
  }
  /** f_flags of the open file at the time of this write(2). */
  get writeFlags(): number {
    return this.#view.getUint32(ARG + WRITE.flags, true);
  }
  get ioctlFlags(): number {
    return this.#view.getUint32(ARG + IOCTL.flags, true);
  }
  get ioctlCommand(): number {
    return this.#view.getUint32(ARG + IOCTL.cmd, true);
  }
  get ioctlArgument(): bigint {
    return this.#view.getBigUint64(ARG + IOCTL.arg, true);
  }
  get ioctlInSize(): number {
    return this.#view.getUint32(ARG + IOCTL.in_size, true);
  }
  get ioctlOutSize(): number {
    return this.#view.getUint32(ARG + IOCTL.out_size, true);
  }
  get pollHandle(): bigint {
    return this.#view.getBigUint64(ARG + POLL.kh, true);
  }
  get pollFlags(): number {
    return this.#view.getUint32(ARG + POLL.flags, true);
  }
  get pollEvents(): number {
    return this.#view.getUint32(ARG + POLL.events, true);
  }
  get interruptedLow(): number {
    return this.#view.getUint32(ARG + INTERRUPT.unique, true);
  }
  get interruptedHigh(): number {
    return this.#view.getUint32(ARG + INTERRUPT.unique + 4, true);
  }
  get initMajor(): number {
    return this.#view.getUint32(ARG + INIT.major, true);
  }
  get initMinor(): number {
    return this.#view.getUint32(ARG + INIT.minor, true);
  }

  /** What the kernel offers in FUSE_INIT, whose major and minor are where CUSE_INIT's are. */
  get initFlags(): number {
    return this.#view.getUint32(ARG + FUSE_INIT.flags, true);
  }
  /** FATTR bits: which of the fields below are set. */
  get setattrValid(): number {
    return this.#view.getUint32(ARG + SETATTR.valid, true);
  }
  get setattrMode(): number {
    return this.#view.getUint32(ARG + SETATTR.mode, true);
  }
  get setattrUid(): number {
    return this.#view.getUint32(ARG + SETATTR.uid, true);
  }
  get setattrGid(): number {
    return this.#view.getUint32(ARG + SETATTR.gid, true);
  }
  /** Seconds and nanoseconds. */
  get setattrAtime(): [bigint, number] {
    return [this.#view.getBigUint64(ARG + SETATTR.atime, true), this.#view.getUint32(ARG + SETATTR.atimensec, true)];
  }
  get setattrMtime(): [bigint, number] {
    return [this.#view.getBigUint64(ARG + SETATTR.mtime, true), this.#view.getUint32(ARG + SETATTR.mtimensec, true)];
  }

  /** The bytes behind the fixed argument, in the channel's buffer. */
  payload(): Uint8Array {
    return this.bytes.subarray(ARG + (this.#opcode?.argumentSize ?? 0), this.#length);
  }
}
