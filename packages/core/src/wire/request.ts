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

/** Places in words. A getter that indexes by a constant is so small that it is compiled into whoever calls it. */
const LEN = HEADER.len / 4;
const OPCODE = HEADER.opcode / 4;
const UNIQUE = HEADER.unique / 4;
const UNIQUE_HIGH = (HEADER.unique + 4) / 4;
const UID = HEADER.uid / 4;
const GID = HEADER.gid / 4;
const PID = HEADER.pid / 4;
const FH = ARG / 4;
const FH_HIGH = (ARG + 4) / 4;
const READ_SIZE = (ARG + READ.size) / 4;
const READ_FLAGS = (ARG + READ.flags) / 4;
const WRITE_SIZE = (ARG + WRITE.size) / 4;
const WRITE_FLAGS = (ARG + WRITE.flags) / 4;
const IOCTL_FLAGS = (ARG + IOCTL.flags) / 4;
const IOCTL_CMD = (ARG + IOCTL.cmd) / 4;
const IOCTL_IN_SIZE = (ARG + IOCTL.in_size) / 4;
const IOCTL_OUT_SIZE = (ARG + IOCTL.out_size) / 4;

/** Why a message is not a request. Only one whose argument is cut off can be answered. */
export type Malformed = "shorter than a header" | "length field does not match" | "argument cut off";

/** One request in a buffer. Its fields are valid until the buffer is read into again. */
export class RequestView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** The same, in words of the machine's own order, as the kernel writes them. For what each request is asked. */
  readonly #words: Uint32Array;
  #length = 0;
  #opcode: Opcode | undefined;

  /** @param bytes the buffer that requests are read into, from its start. One that is not aligned to 4 is copied. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const { buffer, byteOffset, byteLength } = this.bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
  }

  /** Moves to the request in the first `length` bytes. @returns what is wrong with it, or undefined */
  load(length: number): Malformed | undefined {
    if (length < IN_HEADER_SIZE) return "shorter than a header";
    if ((this.#words[LEN] ?? 0) !== length) return "length field does not match";
    this.#length = length;
    this.#opcode = opcodeOf(this.#words[OPCODE] ?? 0);
    if (this.#opcode !== undefined && length < ARG + this.#opcode.argumentSize) return "argument cut off";
    return undefined;
  }

  /** undefined when this version does not know the opcode: answer ENOSYS. */
  get opcode(): Opcode | undefined {
    return this.#opcode;
  }
  get opcodeNumber(): number {
    return this.#words[OPCODE] ?? 0;
  }
  /** Low half of `unique`. Kept in two halves: a bigint a request is slow. */
  get uniqueLow(): number {
    return this.#words[UNIQUE] ?? 0;
  }
  get uniqueHigh(): number {
    return this.#words[UNIQUE_HIGH] ?? 0;
  }
  /** An earlier daemon had it. */
  get isResent(): boolean {
    return this.uniqueHigh >= abi.FUSE_UNIQUE_RESEND;
  }
  get uid(): number {
    return this.#words[UID] ?? 0;
  }
  get gid(): number {
    return this.#words[GID] ?? 0;
  }
  get pid(): number {
    return this.#words[PID] ?? 0;
  }

  /** Our own file handles are below 2^32, so the low half is all of it; anything else is no handle of ours. */
  get fh(): number {
    return (this.#words[FH_HIGH] ?? 0) === 0 ? (this.#words[FH] ?? 0) : -1;
  }
  get openFlags(): number {
    return this.#view.getUint32(ARG + OPEN.flags, true);
  }
  get releaseFlags(): number {
    return this.#view.getUint32(ARG + RELEASE.flags, true);
  }
  get readSize(): number {
    return this.#words[READ_SIZE] ?? 0;
  }
  /** f_flags of the open file at the time of this read(2). */
  get readFlags(): number {
    return this.#words[READ_FLAGS] ?? 0;
  }
  get writeSize(): number {
    return this.#words[WRITE_SIZE] ?? 0;
  }
  /** f_flags of the open file at the time of this write(2). */
  get writeFlags(): number {
    return this.#words[WRITE_FLAGS] ?? 0;
  }
  get ioctlFlags(): number {
    return this.#words[IOCTL_FLAGS] ?? 0;
  }
  get ioctlCommand(): number {
    return this.#words[IOCTL_CMD] ?? 0;
  }
  get ioctlArgument(): bigint {
    return this.#view.getBigUint64(ARG + IOCTL.arg, true);
  }
  get ioctlInSize(): number {
    return this.#words[IOCTL_IN_SIZE] ?? 0;
  }
  get ioctlOutSize(): number {
    return this.#words[IOCTL_OUT_SIZE] ?? 0;
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
