// Reads one request of /dev/fusd in place, as request.ts does those of FUSE: one view over a buffer, moved to each
// request in turn.

import { offsetsOf, sizeOf } from "../layout/index.ts";
import * as abi from "./fusd-abi.ts";
import { type FusdOp, fusdOpOf } from "./fusd-opcodes.ts";

const HEAD = offsetsOf(abi.fusd_head, "lp64");
const REQUEST = offsetsOf(abi.fusd_request, "lp64");
export const FUSD_HEAD_SIZE: number = sizeOf(abi.fusd_head, "lp64");
export const FUSD_REQUEST_SIZE: number = sizeOf(abi.fusd_request, "lp64");

/** Places in words. */
const LEN = HEAD.len / 4;
const TYPE = HEAD.type / 4;
const ID = HEAD.id / 4;
const COOKIE = REQUEST.cookie / 4;
const FILE_FLAGS = REQUEST.file_flags / 4;
const CMD = REQUEST.cmd / 4;
const SIZE = REQUEST.size / 4;
const OUT_SIZE = REQUEST.out_size / 4;
const PID = REQUEST.tid / 4;
const UID = REQUEST.uid / 4;
const GID = REQUEST.gid / 4;

/** Why a message is not a request. Only one whose data is not what it says can be answered. */
export type FusdMalformed = "shorter than a head" | "length field does not match" | "cut off" | "size does not match";

/** One request in a buffer. Its fields are valid until the buffer is read into again. */
export class FusdRequestView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** In words of the machine's own order, as the kernel writes them. */
  readonly #words: Uint32Array;
  #length = 0;
  #op: FusdOp | undefined;

  /** @param bytes the buffer that requests are read into, from its start. One that is not aligned to 4 is copied. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const { buffer, byteOffset, byteLength } = this.bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
  }

  /** Moves to the request in the first `length` bytes. @returns what is wrong with it, or undefined */
  load(length: number): FusdMalformed | undefined {
    if (length < FUSD_HEAD_SIZE) return "shorter than a head";
    if ((this.#words[LEN] ?? 0) !== length) return "length field does not match";
    this.#length = length;
    const op = fusdOpOf(this.type);
    this.#op = op;
    if (op === undefined) return undefined;
    if (length < op.size) return "cut off";
    const data = op.name === "WRITE" || op.name === "IOCTL" ? this.size : 0;
    return length === op.size + data || op.name === "INTERRUPT" ? undefined : "size does not match";
  }

  /** undefined for one that this version does not know: answer ENOSYS. */
  get op(): FusdOp | undefined {
    return this.#op;
  }
  get type(): number {
    return (this.#words[TYPE] ?? 0) & 0xffff;
  }
  /** FUSD_NO_REPLY, FUSD_REISSUED, FUSD_IOCTL_*. */
  get flags(): number {
    return (this.#words[TYPE] ?? 0) >>> 16;
  }
  /** Low half of the head's id. Kept in two halves: a bigint a request is slow. */
  get uniqueLow(): number {
    return this.#words[ID] ?? 0;
  }
  get uniqueHigh(): number {
    return this.#words[ID + 1] ?? 0;
  }
  /** The calling thread, as drivers are told it. */
  get pid(): number {
    return this.#words[PID] ?? 0;
  }
  get uid(): number {
    return this.#words[UID] ?? 0;
  }
  get gid(): number {
    return this.#words[GID] ?? 0;
  }

  /** The kernel's number of the open file. */
  get file(): bigint {
    return this.#view.getBigUint64(REQUEST.file, true);
  }
  /** Our own cookies are below 2^32; anything else is none of ours. */
  get cookie(): number {
    return (this.#words[COOKIE + 1] ?? 0) === 0 ? (this.#words[COOKIE] ?? 0) : -1;
  }
  /** Where a READ or WRITE is, below 2^53: a file position has 63 bits, and no driver has so many bytes. */
  get offset(): number {
    return Number(this.#view.getBigInt64(REQUEST.offset, true));
  }
  /** O_* of the open file at the time of this request. */
  get fileFlags(): number {
    return this.#words[FILE_FLAGS] ?? 0;
  }
  /** IOCTL's command, LLSEEK's whence, FSYNC's 1 for data alone. */
  get cmd(): number {
    return this.#words[CMD] ?? 0;
  }
  get arg(): bigint {
    return this.#view.getBigUint64(REQUEST.arg, true);
  }
  /** Bytes that a READ wants, or that follow. */
  get size(): number {
    return this.#words[SIZE] ?? 0;
  }
  /** Bytes that an IOCTL's answer may have. */
  get outSize(): number {
    return this.#words[OUT_SIZE] ?? 0;
  }

  /** The bytes behind the request, in the channel's buffer. */
  payload(): Uint8Array {
    return this.bytes.subarray(FUSD_REQUEST_SIZE, this.#length);
  }
}
