// One request of a client, from the kernel's message to the one answer. It is what handlers get as their argument:
// the author-facing interfaces of driver.ts are views of it. The engine keeps it only while it waits.

import type { DataModel, NamedCommand } from "../layout/index.ts";
import type { Caller } from "./driver.ts";
import type { File } from "./file.ts";

export type CallKind =
  | "open"
  | "recover"
  | "release"
  | "read"
  | "write"
  | "ioctl"
  | "poll"
  | "seek"
  | "flush"
  | "fsync";

/** Which wake-ups make a parked call worth another try. */
export type Wake = "readable" | "writable";

/** What a call needs to know of the message that it came in. */
export interface CallOrigin {
  /** The kernel's number of the request, in two halves: a bigint a request is slow. */
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const NO_BYTES = new Uint8Array(0);

/** A request's number as one that a Map can take: its low 53 bits, which no two requests of a connection share. */
export function requestKey(uniqueLow: number, uniqueHigh: number): number {
  return (uniqueHigh & 0x1f_ffff) * 0x1_0000_0000 + uniqueLow;
}

export class Call {
  readonly kind: CallKind;
  readonly file: File;
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly #pid: number;
  readonly #uid: number;
  readonly #gid: number;
  readonly #now: () => number;

  // The question.
  nonBlocking = false;
  /** An earlier daemon had it. */
  reissued = false;
  /** Where a read, write or seek is. */
  offset = 0;
  /** Of a seek. */
  whence = 0;
  /** Of an fsync. */
  dataOnly = false;
  /** Bytes that a read asks for. */
  length = 0;
  /** What is still to be written. */
  data: Uint8Array = NO_BYTES;
  /** Bytes of a write that the driver has taken so far. */
  taken = 0;
  /** The ioctl, found in the driver's table. */
  entry: NamedCommand | undefined = undefined;
  arg: unknown = undefined;
  model: DataModel = "lp64";
  /** Encodes `arg` as the caller's output areas want it. */
  encodeOutput: ((arg: unknown) => Uint8Array) | undefined = undefined;

  // The answer.
  /** The kernel waits for one. */
  isAnswered = true;
  settled = false;
  /** Positive errno, or 0. */
  errno = 0;
  /** Of a read the length of `bytes`, of a write the bytes taken, of an ioctl the result. */
  count = 0;
  /** Of a read, or of an ioctl's output areas. */
  bytes: Uint8Array = NO_BYTES;

  // The wait.
  /** Waits for a wake-up, as opposed to for a promise. */
  parked = false;
  /** Wake-ups of its file when its handler was last asked: one that came since must not be slept through. */
  wakesSeen = 0;
  /** How often it was asked again because of such a wake-up. */
  askedAgain = 0;
  /** Calls off the time limit of wouldBlockFor(). */
  retryTimer: (() => void) | undefined = undefined;
  /** Calls off the time limit of a release. */
  limitTimer: (() => void) | undefined = undefined;
  /** Calls off the time limit of an abort. */
  graceTimer: (() => void) | undefined = undefined;
  /** Gives the memory of a write's bytes back, when nobody looks at them any more. Called once. */
  giveBuffer: (() => void) | undefined = undefined;
  #startedAt: number | undefined;
  #controller: AbortController | undefined;
  #abortErrno: number | undefined;

  constructor(kind: CallKind, file: File, origin: CallOrigin, now: () => number) {
    this.kind = kind;
    this.file = file;
    this.uniqueLow = origin.uniqueLow;
    this.uniqueHigh = origin.uniqueHigh;
    this.#pid = origin.pid;
    this.#uid = origin.uid;
    this.#gid = origin.gid;
    this.#now = now;
  }

  /** Once it has succeeded the file is open. */
  get isOpening(): boolean {
    return this.kind === "open" || this.kind === "recover";
  }

  get key(): number {
    return requestKey(this.uniqueLow, this.uniqueHigh);
  }

  get id(): number {
    return this.key;
  }

  get state(): unknown {
    return this.file.state;
  }

  get flags(): number {
    return this.file.flags;
  }

  get caller(): Caller {
    return { pid: this.#pid, uid: this.#uid, gid: this.#gid };
  }

  get waitedMs(): number {
    return this.#startedAt === undefined ? 0 : this.#now() - this.#startedAt;
  }

  /** It was not settled at once. */
  get hasWaited(): boolean {
    return this.#startedAt !== undefined;
  }

  /** From now on waitedMs counts. */
  startWaiting(): void {
    this.#startedAt ??= this.#now();
  }

  /** Made when first asked for: an AbortController costs more than the rest of a fast call. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortErrno !== undefined) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#abortErrno !== undefined;
  }

  /** Why it was aborted, as the errno that its caller gets; undefined when it was not. */
  get abortErrno(): number | undefined {
    return this.#abortErrno;
  }

  abort(errno: number): void {
    if (this.#abortErrno !== undefined) return;
    this.#abortErrno = errno;
    this.#controller?.abort();
  }

  wants(wake: Wake): boolean {
    if (this.kind === "read") return wake === "readable";
    if (this.kind === "write") return wake === "writable";
    return true;
  }

  stopTimers(): void {
    this.retryTimer?.();
    this.retryTimer = undefined;
    this.graceTimer?.();
    this.graceTimer = undefined;
  }

  /** For logs: "read", "ioctl TCSETS". */
  get label(): string {
    return this.entry === undefined ? this.kind : `${this.kind} ${this.entry.name}`;
  }
}
