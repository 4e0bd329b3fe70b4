// Writes replies and notifications: each function fills bytes that the caller owns, so that a fast answer allocates
// nothing. A message is a header and up to two more parts, sent with one writev.

import { encode, type Infer, offsetsOf, type Region, sizeOf } from "../layout/index.ts";
import * as abi from "./abi.ts";
import { MessageFront, SHORT_TAIL } from "./message-front.ts";

const HEADER = offsetsOf(abi.fuse_out_header, "lp64");
const OPEN = offsetsOf(abi.fuse_open_out, "lp64");
const IOCTL = offsetsOf(abi.fuse_ioctl_out, "lp64");
const IOVEC = offsetsOf(abi.fuse_ioctl_iovec, "lp64");
const INIT = offsetsOf(abi.cuse_init_out, "lp64");
const ATTR_OUT_SIZE = sizeOf(abi.fuse_attr_out, "lp64");

export const OUT_HEADER_SIZE = sizeOf(abi.fuse_out_header, "lp64");
const BODY = OUT_HEADER_SIZE;
/** Header and the largest fixed body (struct fuse_attr_out): room for the front of every message. */
export const FRONT_SIZE = BODY + ATTR_OUT_SIZE;
/** What a ReplyFront needs. */
export const REPLY_SIZE = FRONT_SIZE + SHORT_TAIL;
const WRITE_OUT_SIZE = sizeOf(abi.fuse_write_out, "lp64");
const POLL_OUT_SIZE = sizeOf(abi.fuse_poll_out, "lp64");
const IOVEC_SIZE = sizeOf(abi.fuse_ioctl_iovec, "lp64");
const IOCTL_OUT_SIZE = sizeOf(abi.fuse_ioctl_out, "lp64");
/** Places in words. */
const BODY_WORD = BODY / 4;
const LEN = HEADER.len / 4;
const ERROR = HEADER.error / 4;
const UNIQUE = HEADER.unique / 4;
const ONE_BYTE = new Uint8Array(1);

/** The front of one message, used again for the next: a header and a fixed body. */
export class ReplyFront extends MessageFront {
  /** @param memory where each message begins, at least REPLY_SIZE bytes, aligned to 4 */
  constructor(memory: Uint8Array = new Uint8Array(REPLY_SIZE)) {
    super(memory);
  }

  #finish(bodySize: number, tailSize: number, error: number): Uint8Array {
    this.words[LEN] = BODY + bodySize + tailSize;
    this.words[ERROR] = error;
    return this.whole(BODY + bodySize)[0];
  }

  /** A message without an error. */
  #message(bodySize: number, tail: Uint8Array, tailSize: number): readonly Uint8Array[] {
    this.words[ERROR] = 0;
    return this.message(BODY + bodySize, tail, tailSize);
  }

  /** Which request is answered. */
  to(uniqueLow: number, uniqueHigh: number): this {
    this.words[UNIQUE] = uniqueLow;
    this.words[UNIQUE + 1] = uniqueHigh;
    return this;
  }

  /** @param errno positive errno, 0 for success without a body */
  status(errno: number): Uint8Array {
    return this.#finish(0, 0, -errno);
  }

  /** READ's answer. @param length the data's: who calls has it at hand */
  data(data: Uint8Array, length: number = data.length): readonly Uint8Array[] {
    return this.#message(0, data, length);
  }

  /** @param openFlags FOPEN bits, which CUSE has no use for */
  open(fh: number, openFlags: number): Uint8Array {
    this.view.setUint32(BODY + OPEN.fh, fh, true);
    this.view.setUint32(BODY + OPEN.fh + 4, 0, true);
    this.view.setUint32(BODY + OPEN.open_flags, openFlags, true);
    this.view.setUint32(BODY + OPEN.padding, 0, true);
    return this.#finish(sizeOf(abi.fuse_open_out, "lp64"), 0, 0);
  }

  written(size: number): readonly Uint8Array[] {
    this.words[BODY_WORD] = size;
    this.words[BODY_WORD + 1] = 0;
    this.words[LEN] = BODY + WRITE_OUT_SIZE;
    this.words[ERROR] = 0;
    return this.whole(BODY + WRITE_OUT_SIZE);
  }

  polled(revents: number): Uint8Array {
    this.view.setUint32(BODY, revents, true);
    this.view.setUint32(BODY + 4, 0, true);
    return this.#finish(POLL_OUT_SIZE, 0, 0);
  }

  /** IOCTL's answer, and the bytes of its output areas. */
  ioctl(result: number, output: Uint8Array): readonly Uint8Array[] {
    this.#ioctl(result, 0, 0, 0);
    return this.#message(IOCTL_OUT_SIZE, output, output.length);
  }

  /** Asks the kernel to send the ioctl again with these areas of the caller's memory. */
  ioctlRetry(input: readonly Region[], output: readonly Region[]): readonly Uint8Array[] {
    this.#ioctl(0, abi.FUSE_IOCTL_RETRY, input.length, output.length);
    const size = (input.length + output.length) * IOVEC_SIZE;
    const middle = input.length * IOVEC_SIZE;
    const front = BODY + IOCTL_OUT_SIZE;
    this.words[LEN] = front + size;
    this.words[ERROR] = 0;
    if (size <= SHORT_TAIL) {
      putAreas(this.view, front, input);
      putAreas(this.view, front + middle, output);
      return this.whole(front + size);
    }
    const iovecs = new Uint8Array(size);
    const view = new DataView(iovecs.buffer);
    putAreas(view, 0, input);
    putAreas(view, middle, output);
    return [this.whole(front)[0], iovecs];
  }

  #ioctl(result: number, flags: number, inIovs: number, outIovs: number): void {
    this.view.setInt32(BODY + IOCTL.result, result, true);
    this.view.setUint32(BODY + IOCTL.flags, flags, true);
    this.view.setUint32(BODY + IOCTL.in_iovs, inIovs, true);
    this.view.setUint32(BODY + IOCTL.out_iovs, outIovs, true);
  }

  /** CUSE_INIT's answer, which makes the kernel create the device. @param info "DEVNAME=...\0" */
  cuseInit(info: Uint8Array): Uint8Array {
    this.memory.fill(0, BODY);
    this.view.setUint32(BODY + INIT.major, abi.FUSE_KERNEL_VERSION, true);
    this.view.setUint32(BODY + INIT.minor, abi.FUSE_KERNEL_MINOR_VERSION, true);
    this.view.setUint32(BODY + INIT.flags, abi.CUSE_UNRESTRICTED_IOCTL, true);
    this.view.setUint32(BODY + INIT.max_read, abi.MAX_TRANSFER, true);
    this.view.setUint32(BODY + INIT.max_write, abi.MAX_TRANSFER, true);
    return this.#finish(abi.CUSE_INIT_OUT_SIZE, info.length, 0);
  }

  /** FUSE_INIT's answer. */
  init(body: Infer<typeof abi.fuse_init_out>): Uint8Array {
    return this.#body(encode(abi.fuse_init_out, "lp64", body), abi.FUSE_INIT_OUT_SIZE);
  }

  /** GETATTR's and SETATTR's answer. */
  attributes(body: Infer<typeof abi.fuse_attr_out>): Uint8Array {
    return this.#body(encode(abi.fuse_attr_out, "lp64", body), ATTR_OUT_SIZE);
  }

  statfs(body: Infer<typeof abi.fuse_statfs_out>): Uint8Array {
    return this.#body(encode(abi.fuse_statfs_out, "lp64", body), abi.FUSE_STATFS_OUT_SIZE);
  }

  /** A body that is seldom sent: its schema's bytes, then zeros up to the C struct's size. */
  #body(bytes: Uint8Array, size: number): Uint8Array {
    this.memory.fill(0, BODY);
    this.memory.set(bytes, BODY);
    return this.#finish(size, 0, 0);
  }

  /** Puts one byte into the kernel's cache of the file, so that it takes the file to be at least `size` bytes long. */
  notifyStore(size: number): [front: Uint8Array, data: Uint8Array] {
    this.to(0, 0);
    const body = { nodeid: BigInt(abi.FUSE_ROOT_ID), offset: BigInt(size - 1), size: ONE_BYTE.length, padding: 0 };
    this.memory.set(encode(abi.fuse_notify_store_out, "lp64", body), BODY);
    const front = this.#finish(sizeOf(abi.fuse_notify_store_out, "lp64"), ONE_BYTE.length, abi.FUSE_NOTIFY_STORE);
    return [front, ONE_BYTE];
  }

  /** Asks the kernel for what an earlier daemon has not answered. */
  resend(): Uint8Array {
    this.to(0, 0);
    return this.#finish(0, 0, abi.FUSE_NOTIFY_RESEND);
  }

  /** Wakes whoever polls the file that the kernel knows as `kh`. */
  notifyPoll(kh: bigint): Uint8Array {
    this.to(0, 0);
    this.view.setBigUint64(BODY, kh, true);
    return this.#finish(sizeOf(abi.fuse_notify_poll_wakeup_out, "lp64"), 0, abi.FUSE_NOTIFY_POLL);
  }
}

/** struct fuse_ioctl_iovec for each area. */
function putAreas(view: DataView, at: number, areas: readonly Region[]): void {
  let place = at;
  for (const { base, len } of areas) {
    view.setBigUint64(place + IOVEC.base, base, true);
    view.setUint32(place + IOVEC.len, len, true);
    view.setUint32(place + IOVEC.len + 4, 0, true);
    place += IOVEC_SIZE;
  }
}
