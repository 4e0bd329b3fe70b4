// The kernel's side of the books: what was asked, what is answered, and what is thus owed. It knows the protocol from
// fs/fuse/dev.c and include/uapi/linux/fuse.h and takes nothing from the code under test but the numbers of
// wire/abi.ts. The first thing that is wrong stays in `failure`.

import { patternOf, READ_MOST } from "./driver.ts";

/** What was found wrong. `kind` is the same for the same defect, `detail` says where. */
export interface Failure {
  readonly kind: string;
  readonly detail: string;
}

/** A request that waits for its answer. */
interface Due {
  /** Answers that its number is owed: more than one when a number came again before it was answered. */
  owed: number;
  readonly opcode: number;
  readonly fh: number;
  /** Bytes that a READ, or the out areas of an IOCTL, have room for; bytes of a WRITE. */
  readonly room: number;
  readonly round: number;
  readonly command: number;
  readonly flags: number;
}

/** An ioctl whose caller's memory the session has asked for. */
export interface Continuation {
  readonly fh: number;
  readonly command: number;
  readonly flags: number;
  readonly inSize: number;
  readonly outSize: number;
  readonly round: number;
}

const HEADER = 40;
const OUT_HEADER = 16;
const [OPEN, READ, WRITE, RELEASE, INTERRUPT, IOCTL, POLL] = [14, 15, 16, 18, 36, 39, 40];
const [FORGET, BATCH_FORGET] = [2, 42];
const [NOTIFY_POLL, NOTIFY_STORE] = [1, 4];
const SCHEDULE_NOTIFY = 1;
const IOCTL_RETRY = 4;
const MAX_IOV = 256;
const MAX_TRANSFER = 128 * 1024;
/** fuse_dev_do_write() takes no error beyond. */
const MAX_ERRNO = 511;
/** Rounds of one ioctl: the driver's deepest schema has four levels, and the first request brings none. */
const MOST_ROUNDS = 5;
/** Sizes of the fixed answers that succeed. */
const ANSWER_SIZES = new Map([
  [OPEN, 16],
  [WRITE, 8],
  [RELEASE, 0],
  [POLL, 8],
]);
const CONTINUATIONS = 32;

function u32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

export class Ledger {
  failure: Failure | undefined;
  /** Whether it is the file of a FUSE mount, where the session also stores in the page cache. */
  readonly mounted: boolean;
  /** Nothing is to be sent any more. */
  closed = false;
  /** By number. Numbers beyond 2^53 are rounded, here and in answers alike. */
  readonly due = new Map<number, Due>();
  /** Files that are open as the kernel sees it. */
  readonly opens: number[] = [];
  /** The latest ioctls that can be continued. */
  readonly continuations: Continuation[] = [];
  /** Poll handles that want a wake-up, each with the files that it was given for: a mutation makes two of one. */
  readonly #polled = new Map<number, Set<number>>();
  /** Room for any answer. */
  readonly #flat = new Uint8Array(MAX_TRANSFER + 4096);
  #continuing: Continuation | undefined;
  requests = 0;
  answers = 0;
  wakeUps = 0;

  constructor(mounted: boolean) {
    this.mounted = mounted;
  }

  fail(kind: string, detail: string): void {
    this.failure ??= { kind, detail };
  }

  /** The next request goes on with this ioctl. */
  continues(continuation: Continuation): void {
    this.#continuing = continuation;
  }

  /** Books a message before it is handed in. */
  expect(view: DataView, length: number): void {
    const continuing = this.#continuing;
    this.#continuing = undefined;
    if (length < HEADER || view.getUint32(0, true) !== length) return;
    const opcode = view.getUint32(4, true);
    if (opcode === INTERRUPT || opcode === FORGET || opcode === BATCH_FORGET) return;
    this.requests++;
    const key = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
    const known = this.due.get(key);
    if (known !== undefined) known.owed++;
    else this.due.set(key, this.#read(view, length, continuing));
  }

  #read(view: DataView, length: number, continuing: Continuation | undefined): Due {
    const opcode = view.getUint32(4, true);
    const has = (size: number) => length >= HEADER + size;
    const fh = has(8) && view.getUint32(HEADER + 4, true) === 0 ? view.getUint32(HEADER, true) : -1;
    const due = { owed: 1, opcode, fh, room: 0, round: 0, command: 0, flags: 0 };
    if (opcode === RELEASE && has(24)) {
      const at = this.opens.indexOf(fh);
      if (at >= 0) this.opens.splice(at, 1);
    }
    if (opcode === POLL && has(24) && (view.getUint32(HEADER + 16, true) & SCHEDULE_NOTIFY) !== 0)
      this.#wantsWake(fh, view.getUint32(HEADER + 8, true) + view.getUint32(HEADER + 12, true) * 2 ** 32);
    if ((opcode === READ || opcode === WRITE) && has(40)) due.room = view.getUint32(HEADER + 16, true);
    if (opcode === IOCTL && has(32)) {
      due.flags = view.getUint32(HEADER + 8, true);
      due.command = view.getUint32(HEADER + 12, true);
      due.room = view.getUint32(HEADER + 28, true);
      if (continuing?.fh === fh && continuing.command === due.command) due.round = continuing.round;
    }
    return due;
  }

  #wantsWake(fh: number, handle: number): void {
    if (fh < 0) return;
    const files = this.#polled.get(handle);
    if (files === undefined) this.#polled.set(handle, new Set([fh]));
    else files.add(fh);
  }

  /** Books what the session says. */
  take(parts: readonly Uint8Array[]): void {
    const wrong = this.#book(parts);
    if (wrong !== undefined) this.failure ??= wrong;
  }

  #book(parts: readonly Uint8Array[]): Failure | undefined {
    const message = this.#flatten(parts);
    const { length } = message;
    if (length < OUT_HEADER || u32(message, 0) !== length)
      return wrong("malformed answer", `${length} bytes, header says ${u32(message, 0)}`);
    const error = u32(message, 4) | 0;
    if (this.closed) return wrong("sent after the close", `${length} bytes, error or code ${error}`);
    const key = u32(message, 8) + u32(message, 12) * 2 ** 32;
    if (key === 0 && error > 0) return this.#notified(message, error);
    const due = this.due.get(key);
    if (due === undefined) return wrong("answer without request", `number ${key}, error ${error}`);
    this.answers++;
    if (--due.owed === 0) this.due.delete(key);
    if (error > 0 || error < -MAX_ERRNO) return wrong("no errno", `opcode ${due.opcode}: ${error}`);
    if (error !== 0 && length !== OUT_HEADER) return wrong("error with a body", `opcode ${due.opcode}: ${error}`);
    return error === 0 && due.owed === 0 ? this.#succeeded(due, message.subarray(OUT_HEADER)) : undefined;
  }

  /** The message as one piece, valid until the next. */
  #flatten(parts: readonly Uint8Array[]): Uint8Array {
    const [front] = parts;
    if (parts.length === 1 && front !== undefined) return front;
    let length = 0;
    for (const part of parts) {
      if (length + part.length <= this.#flat.length) this.#flat.set(part, length);
      length += part.length;
    }
    return this.#flat.subarray(0, length);
  }

  #notified(message: Uint8Array, code: number): Failure | undefined {
    if (code === NOTIFY_STORE && this.mounted) return undefined;
    this.wakeUps++;
    if (code !== NOTIFY_POLL || message.length !== 24) return wrong("unknown notification", `code ${code}`);
    const handle = u32(message, 16) + u32(message, 20) * 2 ** 32;
    const files = this.#polled.get(handle);
    const [file] = files ?? [];
    if (files === undefined || file === undefined) return wrong("wake-up that nobody wants", `poll handle ${handle}`);
    files.delete(file);
    if (files.size === 0) this.#polled.delete(handle);
    return undefined;
  }

  #succeeded(due: Due, body: Uint8Array): Failure | undefined {
    const { opcode, room, fh } = due;
    const wanted = ANSWER_SIZES.get(opcode);
    if (wanted !== undefined && body.length !== wanted)
      return wrong("answer of a wrong size", `opcode ${opcode}: ${body.length} bytes`);
    if (opcode === IOCTL) return this.#ioctl(due, body);
    if (opcode === OPEN) this.opens.push(u32(body, 0));
    if (opcode === WRITE && u32(body, 0) > room) return wrong("more written than given", `${room} bytes`);
    if (opcode === READ && body.length > 0) {
      const byte = patternOf(fh, room);
      const fits = body.length <= Math.min(room, READ_MOST) && body[0] === byte && body[body.length - 1] === byte;
      if (!fits) return wrong("another's bytes", `file ${fh}: ${body.length} of ${room} bytes, the first ${body[0]}`);
    }
    return undefined;
  }

  #ioctl({ fh, command, flags, round, room }: Due, body: Uint8Array): Failure | undefined {
    if (body.length < 16) return wrong("answer of a wrong size", `ioctl: ${body.length} bytes`);
    const areas = body.subarray(16);
    if ((u32(body, 4) & IOCTL_RETRY) === 0)
      return areas.length > room ? wrong("more output than areas", `${areas.length} for ${room}`) : undefined;
    const [ins, outs] = [u32(body, 8), u32(body, 12)];
    if (ins + outs > MAX_IOV || areas.length !== (ins + outs) * 16)
      return wrong("impossible areas", `ioctl ${command}: ${ins} + ${outs} areas in ${areas.length} bytes`);
    const [inSize, outSize] = [sizeOf(areas, 0, ins), sizeOf(areas, ins, ins + outs)];
    if (inSize > MAX_TRANSFER || outSize > MAX_TRANSFER)
      return wrong("impossible areas", `ioctl ${command}: ${inSize} bytes in, ${outSize} out`);
    if (round + 1 > MOST_ROUNDS) return wrong("rounds without end", `ioctl ${command}: round ${round + 1}`);
    if (this.continuations.length === CONTINUATIONS) this.continuations.shift();
    this.continuations.push({ fh, command, flags, inSize, outSize, round: round + 1 });
    return undefined;
  }
}

function wrong(kind: string, detail: string): Failure {
  return { kind, detail };
}

/** The bytes of a struct fuse_ioctl_iovec[]; Infinity when one of them is 4 GiB or more. */
function sizeOf(iovecs: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += u32(iovecs, i * 16 + 12) === 0 ? u32(iovecs, i * 16 + 8) : Infinity;
  return sum;
}
