// What an author of a driver writes and is given. A driver only ever says what it can do now: a value, or wouldBlock.
// When its state changes it says so once (readable, writable, hangup); parking, O_NONBLOCK, poll wake-ups, signals and
// shutdown are the session's. A driver that must wait for hardware returns a promise and watches call.signal.

import type { ErrnoName } from "../errno.ts";
import { UsageError } from "../errors.ts";
import type { Command, DataModel } from "../layout/index.ts";

/** "Nothing now." Parks a blocking caller until the driver says that something changed; a non-blocking one gets EAGAIN. */
export class WouldBlock {
  /** Milliseconds after which the session asks again at the latest; undefined: only when something changed. */
  readonly retryAfterMs: number | undefined;

  constructor(retryAfterMs?: number) {
    if (Number.isNaN(retryAfterMs)) throw new UsageError("wouldBlockFor takes milliseconds, not NaN");
    this.retryAfterMs = retryAfterMs === Infinity ? undefined : retryAfterMs;
  }
}

export const wouldBlock: WouldBlock = new WouldBlock();

/**
 * wouldBlock with a time limit: the session asks again after `ms` milliseconds even when nothing changed; with Infinity
 * only then. @throws UsageError for NaN
 */
export function wouldBlockFor(ms: number): WouldBlock {
  return new WouldBlock(Math.max(0, ms));
}

/** Bits of poll(2), asm-generic/poll.h. A driver answers with IN, OUT, PRI, HUP, ERR; RDNORM and WRNORM follow. */
export const POLL = {
  IN: 0x001,
  PRI: 0x002,
  OUT: 0x004,
  ERR: 0x008,
  HUP: 0x010,
  RDNORM: 0x040,
  WRNORM: 0x100,
} as const;

/** Who made the call, as the daemon's namespaces see it. */
export interface Caller {
  /** Thread id of the calling thread. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * How a driver says that something changed, for one open file or for all files of a device. Cheap when nobody waits.
 * Said inside a handler, it takes effect when that handler's answer is out: no other handler runs in the middle of one.
 */
export interface Notifier {
  /** A read may now do more: parked reads are tried again, pollers are woken. */
  readable(): void;
  /** A write may now do more. */
  writable(): void;
  /** Something urgent is there, which poll() of the driver reports as PRI: pollers are woken, nothing is tried again. */
  urgent(): void;
  /**
   * The hardware is gone. Final for the files that are open now; the first hang-up of a file counts.
   * @param errno what every later call gets, and poll ERR | HUP, as a USB device that was pulled out has it (ENODEV).
   *   Default: as a tty that was hung up: read gives 0, write and ioctl EIO, poll IN | OUT | ERR | HUP
   */
  hangup(errno?: ErrnoName): void;
}

/** One open(2) of the device: what dup(2) and fork(2) share. */
export interface OpenFile extends Notifier {
  /** Unique in this session while open. */
  readonly id: number;
  /** Flags of open(2). O_NONBLOCK can change later: ask `nonBlocking` of the call. */
  readonly flags: number;
  /**
   * From the next call on this file is non-blocking whatever its O_NONBLOCK says, or no longer: for an ioctl that asks for
   * it, as SNDCTL_DSP_NONBLOCK does. fcntl(2) does not see it, and cannot take it back. A call that waits goes on waiting.
   * A daemon that recovers the file says it anew.
   */
  setNonBlocking(on: boolean): void;
  /** On fusd and cuse: a number that no other open file of the device has, and the same to a daemon that recovers it. */
  readonly number?: bigint | undefined;
}

export interface CallBase<State> {
  readonly file: OpenFile;
  /** What open() returned. */
  readonly state: State;
  readonly caller: Caller;
}

/** A call that may wait. */
export interface WaitingCall<State> extends CallBase<State> {
  /** O_NONBLOCK at the time of this call. For ioctl: as last seen, because the kernel does not say. */
  readonly nonBlocking: boolean;
  /** Aborts when the caller is interrupted, the file hung up, or the daemon stops. */
  readonly signal: AbortSignal;
  /** Milliseconds since the call was first tried; 0 at the first try. */
  readonly waitedMs: number;
  /** The kernel's number of the request, which no other has: its low 53 bits. The same when it is asked again. */
  readonly id: number;
  /** An earlier daemon had the request and did not answer it: what it asks for may be done. */
  readonly reissued: boolean;
}

export interface OpenCall extends Omit<WaitingCall<unknown>, "state"> {
  readonly flags: number;
}

export interface ReadCall<State> extends WaitingCall<State> {
  /**
   * Bytes asked for, at most 128 KiB, of a FUSE file 1 MiB: one read(2) of more is several calls, and goes on as long as
   * each is filled. On fusd 1 MiB.
   */
  readonly length: number;
  /** Where in the file, of a driver that is `seekable`; else 0. */
  readonly offset: number;
}

export interface WriteCall<State> extends WaitingCall<State> {
  /** The bytes, valid until the answer. */
  readonly data: Uint8Array;
  /** Where in the file, of a driver that is `seekable`: of the first of these bytes. Else 0. */
  readonly offset: number;
}

export interface SeekCall<State> extends WaitingCall<State> {
  /** What lseek(2) was asked for. */
  readonly offset: number;
  /** lseek(2)'s: 0 SEEK_SET, 2 SEEK_END, 3 SEEK_DATA, 4 SEEK_HOLE. SEEK_CUR comes as SEEK_SET. */
  readonly whence: number;
}

export interface SyncCall<State> extends WaitingCall<State> {
  /** fdatasync(2). */
  readonly dataOnly: boolean;
}

/** A file that was open when an earlier daemon ended. */
export interface RecoverCall extends OpenCall {
  readonly file: OpenFile & { readonly number: bigint };
}

/**
 * What happens to calls while there is no daemon. "fail": EIO at once. "hold": EIO for those that the daemon had, so that
 * nothing is done twice; others wait. "reissue": all wait, and those that the daemon had are asked again. On cuse "fail" is
 * as "hold", and before Linux 6.9 "reissue", too: the kernel does not send them again.
 */
export type RecoveryPolicy = "fail" | "hold" | "reissue";

export interface Recovery {
  /** Milliseconds that the device and its open files outlive a daemon; on cuse the service manager decides. */
  readonly ms: number;
  /** Default: "fail" for each */
  readonly policy?: Readonly<Partial<Record<RecoveredOperation, RecoveryPolicy>>>;
  /** Memory of the daemon's own that outlives it. Default: none */
  readonly memory?: LastingMemory;
  /** What it has under way with hardware, and that is to outlive it. Default: nothing */
  readonly keeping?: Keeping;
}

/** What the kernel has been asked for over descriptors that outlive the daemon, so that the next one gets the answers. */
export interface Keeping {
  /** Bytes of the keeper's memory, at least 1; rounded up to whole pages. */
  readonly size: number;
  /**
   * Each time that the device is served and outlives its daemon, before the first call. Where there is no keeper (another
   * channel, an older module, an address that is not free here) this is not called, and nothing of it outlives the daemon.
   * @param files how many are open that an earlier daemon left; 0: nobody waits for what it had under way
   */
  kept(keeper: Keeper, files: number): void;
}

/** Keeps descriptors and memory of one daemon for the next. Lives as long as the device is served. */
export interface Keeper {
  /** Zeroes at first. In memory for good, so that what the kernel writes to it is written at once. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Of its first byte: the same in each daemon, as the kernel knows addresses of what was submitted. */
  readonly address: bigint;
  /** Keeps the open file of a descriptor, which may be closed then. @throws DeviceError for what cannot be kept */
  keep(slot: number, fd: number): void;
  /** @returns a new descriptor of what is in the slot, the caller's to close; undefined: nothing is */
  take(slot: number): number | undefined;
  /** Keeps nothing there any more. */
  release(slot: number): void;
}

/** Memory of a device that no program sees, for what one daemon leaves to the next. */
export interface LastingMemory {
  /** Bytes, at least 1; rounded up to whole pages. */
  readonly size: number;
  /**
   * It, each time that the device is served and outlives its daemon, before the first call: zeroes, or with `recovered` what
   * the daemon before had there at the instant at which it died. Where the device ends with its daemon this is not called.
   */
  mapped(memory: Uint8Array<ArrayBuffer>, recovered: boolean): void;
}

/** Memory of a device that programs map, from offset 0 on. Every process that maps it shared sees the same bytes. */
export interface SharedMemory {
  /** Bytes, at least 1; rounded up to whole pages. */
  readonly size: number;
  /** Programs may not write to it. Default: they may */
  readonly readOnly?: boolean;
  /**
   * The daemon's view of it, each time that the device is served, before the first call. Of a device with `recovery` that
   * is taken over it has what it had; else zeroes. Programs that map it change it at any time, and keep it when the device
   * has ended.
   */
  mapped(memory: Uint8Array<ArrayBuffer>): void;
}

export type RecoveredOperation = "open" | "read" | "write" | "ioctl" | "seek" | "flush" | "fsync";

export interface IoctlCall<State, Arg> extends WaitingCall<State> {
  /**
   * The decoded argument. For out and inout commands it goes back to the caller when the result is >= 0, with what the
   * handler has changed in it; one that is no struct is assigned anew: `call.arg = 9600`.
   */
  arg: Arg;
  /** C data model of the caller. */
  readonly model: DataModel;
}

/** The ioctls of a driver by the name that it knows them by. */
export type Commands = Readonly<Record<string, Command<unknown>>>;

export type ArgumentOf<C> = C extends Command<infer Argument> ? Argument : never;

/** An answer now, or later. */
export type Answer<T> = T | WouldBlock | Promise<T | WouldBlock>;

/**
 * A driver. Every callback is optional. Throwing DeviceError(errno) answers the caller with that errno; anything else
 * that is thrown is logged and answered with EIO.
 */
export interface Driver<State, C extends Commands> {
  /** Node name under /dev: "pilot", "usb/lp0". */
  readonly name: string;
  /** Files that can be open at once, opens under way included; one more gets ENFILE. Default 16384 */
  readonly maxOpens?: number;
  /** The same for each user but root, so that none keeps the others out; one more gets EMFILE. Default 1024 */
  readonly maxOpensPerUser?: number;
  /** @returns what the later calls on this file get as `state`. Default: undefined */
  open?(call: OpenCall): Answer<State> | void;
  /** Last close of this file. The closer waits for it, unless a signal comes. Default: nothing */
  release?(call: WaitingCall<State>): void | Promise<void>;
  /**
   * Milliseconds that release() may take before its signal aborts; else a process that is ending could not be freed.
   * Default 30000
   */
  readonly releaseMs?: number;
  /**
   * @returns up to `call.length` bytes, empty for end of file. When the answer is no promise, they are sent before any
   * other handler runs, so a view of the driver's own buffer is fine. Default: EINVAL
   */
  read?(call: ReadCall<State>): Answer<Uint8Array>;
  /**
   * @returns how many bytes were taken; `writes` says what becomes of the rest. A driver that is full says wouldBlock.
   * Default: EINVAL
   */
  write?(call: WriteCall<State>): Answer<number>;
  /**
   * "whole": a blocking caller's rest is offered again until all of it is taken, as ttys, pipes and sound devices do.
   * "once": what write() took is the caller's result, as for devices where a write is a message. Default: "whole"
   */
  readonly writes?: "whole" | "once";
  /** The ioctls that exist. Any other is ENOTTY. Default: none */
  readonly commands?: C;
  /** One handler a command. @returns the ioctl's result, >= 0; nothing means 0 */
  readonly ioctl?: { readonly [K in keyof C]: IoctlHandler<State, ArgumentOf<C[K]>> };
  /** Offsets count: lseek(2), pread(2) and pwrite(2) work, and calls have an offset. fusd only. Default: a stream */
  readonly seekable?: boolean;
  /**
   * Of a seekable driver: lseek(2). @returns the new position, to 2^53. Default: SEEK_SET and SEEK_CUR move anywhere
   */
  seek?(call: SeekCall<State>): Answer<number>;
  /** Each close(2), whose result an error is; other descriptors of the file can stay. fusd only. Default: nothing */
  flush?(call: WaitingCall<State>): void | Promise<void>;
  /** fsync(2) and fdatasync(2). fusd only. Default: EINVAL, as of a kernel driver without it */
  fsync?(call: SyncCall<State>): void | Promise<void>;
  /** Memory that programs mmap(2). fusd only. Default: none, ENODEV */
  readonly mmap?: SharedMemory;
  /**
   * The device and its files outlive a daemon that dies, for the next one: on fusd, and on cuse under a service manager that
   * keeps descriptors (docs/architecture.md). Elsewhere they end. Default: they end
   */
  readonly recovery?: Recovery;
  /** With `recovery`: @returns the state of a file that an earlier daemon left. An error ends the file. Default: open() */
  recover?(call: RecoverCall): Answer<State>;
  /**
   * With `recovery`: the device is about to be left to the next daemon, its files open. Brings hardware to rest, without
   * a word to it. Default: nothing
   */
  leave?(): Promise<void>;
  /**
   * Milliseconds that a handler may take: then its caller gets ETIMEDOUT and its signal aborts. A call that waits because of
   * wouldBlock has time. fusd; elsewhere callers wait. Default: for ever
   */
  readonly deadlineMs?: number;
  /** What a read or write could do now, in POLL bits, at once. Default: always IN | OUT, as a kernel driver without poll */
  poll?(call: CallBase<State>): number;
}

/** Declared as a method so that a driver with a known state fits where any driver is taken. */
export type IoctlHandler<State, Arg> = {
  handle(call: IoctlCall<State, Arg>): Answer<number | void>;
}["handle"];

/** A driver whose types nobody needs to know any more. */
export type AnyDriver = Driver<unknown, Commands>;
