// Runs calls on a driver, whatever channel they came by: the one place that knows about blocking, O_NONBLOCK, poll
// wake-ups, interrupts, hang-up and shutdown. No I/O, no wire format.
// A call is asked of the driver at once. It is then settled (the answer stands in the call), or kept here until a
// wake-up, a timer, its promise or an abort settles it; then `late` is told. A call is settled exactly once.
// Lifetimes: a File is here from its successful open to its release, a Call only while it waits.

import { ERRNO } from "../errno.ts";
import { DeviceError, InternalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { checkPoll, takeAnswer } from "./answer.ts";
import { ask } from "./ask.ts";
import type { Call, Wake } from "./call.ts";
import { Changes } from "./changes.ts";
import type { Clock } from "./clock.ts";
import type { Counters } from "./counters.ts";
import { type AnyDriver, POLL, WouldBlock } from "./driver.ts";
import type { File, FileOwner, HangUp } from "./file.ts";
import { giveBack } from "./give-back.ts";
import { Opens } from "./opens.ts";

/** What the engine tells the session that it runs for. */
export interface EngineListener {
  /** A call that run() left open is settled now. */
  late(call: Call): void;
  /** A call waits for a wake-up, or a time. */
  parked?(call: Call): void;
  /** It stays so for as long as it is open. */
  hungUp?(file: File, hangUp: HangUp): void;
  /** The driver said so of a file that is `polled`, or the file was hung up: who polls it shall look again. */
  pollChanged(file: File, wake: PollWake): void;
  /**
   * The same while a handler runs, of a file that no call waits on. @returns whether the listener will say so with that
   * handler's answer; else pollChanged() comes after it
   */
  notesChange(file: File, wake: PollWake): boolean;
}

/** Why pollers are woken. */
export type PollWake = Wake | "urgent" | "hangup";

export interface EngineOptions {
  readonly driver: AnyDriver;
  readonly clock: Clock;
  readonly log: Logger;
  /** The device's open files, of all channels: for whoever wakes all of them at once. */
  readonly files: Set<File>;
  /** Where calls are counted. */
  readonly counters: Counters;
  /** Milliseconds that an aborted handler has to end by itself before its caller is freed without it. Default 1000. */
  readonly abortGraceMs?: number;
}

const NOTHING = new Uint8Array(0);
/** A handler that wakes itself each time it would block is asked again this often, then parked. */
const SELF_WAKES = 8;
const ABORT_GRACE_MS = 1000;
/** As long as a tty lets its output go out after the last close (closing_wait, drivers/tty/tty_port.c). */
const RELEASE_MS = 30_000;
/** setTimeout() takes no more; longer than anybody waits for a device. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Engine implements FileOwner {
  readonly #driver: AnyDriver;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listener: EngineListener;
  readonly #graceMs: number;
  readonly #opens: Opens;
  readonly #counters: Counters;
  readonly #waiting = new Map<number, Call>();
  readonly #changes: Changes;
  #closing = false;
  #onIdle: (() => void) | undefined;
  #onRest: (() => void) | undefined;

  constructor(options: EngineOptions, listener: EngineListener) {
    this.#driver = options.driver;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#opens = new Opens(options.files, options.driver);
    this.#counters = options.counters;
    this.#graceMs = options.abortGraceMs ?? ABORT_GRACE_MS;
    this.#listener = listener;
    this.#changes = new Changes(options.clock);
  }

  /** The calls that are not settled, by Call.key. */
  get waiting(): ReadonlyMap<number, Call> {
    return this.#waiting;
  }

  /** The driver said something during run() or poll(): settleChanges() is due, once that answer is out. */
  get hasChanges(): boolean {
    return this.#changes.any;
  }

  settleChanges(): void {
    this.#changes.settle();
  }

  /** Asks the driver. @returns true when the call is settled, false when `late` will tell */
  run(call: Call): boolean {
    const { file } = call;
    for (;;) {
      if (file.hungUp !== undefined && call.kind !== "release") {
        this.#settleHungUp(call, file.hungUp);
        return true;
      }
      call.wakesSeen = file.wakes;
      let answer: unknown;
      try {
        answer = this.#ask(call);
        if (!(answer instanceof WouldBlock) && !(answer instanceof Promise)) {
          if (this.#take(call, answer)) return true;
          continue;
        }
      } catch (error) {
        this.#fail(call, error);
        return true;
      }
      if (answer instanceof Promise) {
        this.#await(call, answer);
        return false;
      }
      if (this.#blocks(call)) {
        this.#park(call, answer);
        return false;
      }
      if (call.settled) return true;
    }
  }

  /** What poll(2) sees of a file now, in POLL bits. */
  poll(call: Call): number {
    if (call.file.hungUp !== undefined) return call.file.hungUp.poll;
    if (this.#driver.poll === undefined) return POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM;
    try {
      let ready = checkPoll(this.#askPoll(call));
      if ((ready & POLL.IN) !== 0) ready |= POLL.RDNORM;
      if ((ready & POLL.OUT) !== 0) ready |= POLL.WRNORM;
      return ready;
    } catch (error) {
      this.errnoOf(call, error);
      return POLL.ERR;
    }
  }

  wake(file: File, wake: Wake): void {
    file.wakes++;
    // A call whose handler says this is not parked: it sees by `wakes` that it is to be asked again.
    const waits = file.parked.size > 0;
    if (file.hungUp !== undefined || !(waits || file.polled)) return;
    if (!waits && this.#changes.isBusy && this.#listener.notesChange(file, wake)) return;
    this.#changes.do(() => {
      if (waits) this.#retryAll(file, wake);
      this.#wakePollers(file, wake);
    });
  }

  /** Asked when it is done, not when it is said: a poller that was woken meanwhile is no more. */
  #wakePollers(file: File, wake: PollWake): void {
    if (file.polled) this.#listener.pollChanged(file, wake);
  }

  #retryAll(file: File, wake: Wake): void {
    for (const call of [...file.parked]) {
      if (!call.parked || !call.wants(wake)) continue;
      call.askedAgain = 0;
      this.#retry(call);
    }
  }

  urgent(file: File): void {
    if (!file.polled || (this.#changes.isBusy && this.#listener.notesChange(file, "urgent"))) return;
    this.#changes.do(() => this.#wakePollers(file, "urgent"));
  }

  hangup(file: File, hangUp: HangUp): void {
    if (file.hungUp !== undefined) return;
    file.hungUp = hangUp;
    this.#listener.hungUp?.(file, hangUp);
    this.#changes.do(() => {
      for (const call of [...this.#waiting.values()]) {
        if (call.file === file && call.kind !== "release") this.#end(call, hangUp.errno);
      }
      this.#wakePollers(file, "hangup");
    });
  }

  /** The caller got a signal: it is freed now, or when its handler has ended. */
  interrupt(call: Call): void {
    this.#end(call, ERRNO.EINTR);
  }

  /** Frees every caller, then gives every file back to the driver. Resolves when every release() has ended. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const file of this.#opens) file.hangup();
    for (const call of [...this.#waiting.values()]) this.#end(call, call.isOpening ? ERRNO.ENODEV : ERRNO.EIO);
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await Promise.all([...this.#opens].map((file) => this.#giveBack(file)));
  }

  /** Resolves when no handler runs, at the latest after `ms` milliseconds: what waits then is parked. */
  async rest(ms: number): Promise<void> {
    const isAtRest = () => [...this.#waiting.values()].every(({ parked }) => parked);
    if (isAtRest()) return;
    await new Promise<void>((resolve) => {
      const callOff = this.#clock.after(ms, resolve);
      this.#onRest = () => {
        if (!isAtRest()) return;
        callOff();
        resolve();
      };
    });
  }

  #ask(call: Call): unknown {
    if (call.isOpening) {
      if (this.#closing) throw new DeviceError("ENODEV", "the device is being closed");
      this.#opens.admit(call);
    }
    // close() may have given the file back already.
    if (call.kind === "release" && !this.#opens.forget(call.file)) return undefined;
    this.#changes.begin();
    try {
      return ask(this.#driver, call);
    } finally {
      this.#changes.end();
    }
  }

  #askPoll(call: Call): unknown {
    this.#changes.begin();
    try {
      return this.#driver.poll?.(call);
    } finally {
      this.#changes.end();
    }
  }

  /** Takes a handler's value. @returns false when the same call is to be asked again: a write with more to give */
  #take(call: Call, answer: unknown): boolean {
    if (!takeAnswer(call, answer, this.#driver)) return false;
    if (call.isOpening) {
      call.file.state = answer;
      call.file.opener = call.caller;
      call.file.openedAt = this.#clock.now();
      if (this.#closing) {
        void this.#giveBack(call.file);
        this.#settle(call, ERRNO.ENODEV);
        return true;
      }
      this.#opens.add(call.file);
    }
    this.#settle(call, 0);
    return true;
  }

  /** After wouldBlock. @returns false when the call is settled instead, or is to be asked again at once */
  #blocks(call: Call): boolean {
    const { file } = call;
    if (call.aborted) this.#settleAborted(call);
    else if (file.hungUp !== undefined) this.#settleHungUp(call, file.hungUp);
    else if (call.nonBlocking) this.#cutShort(call, ERRNO.EAGAIN);
    else return file.wakes === call.wakesSeen || call.askedAgain++ >= SELF_WAKES;
    return false;
  }

  #fail(call: Call, error: unknown): void {
    // A handler that ends because of its signal rejects with an AbortError or the like; that is no news.
    if (call.aborted && !(error instanceof DeviceError)) this.#settleAborted(call);
    else this.#cutShort(call, this.errnoOf(call, error));
  }

  /** The errno for something thrown, logged as it deserves. */
  errnoOf(call: Call, error: unknown): number {
    if (error instanceof DeviceError) {
      this.#log.debug({ call: call.label, errno: error.code, pid: call.caller.pid }, error.message);
      return error.errno;
    }
    this.#log.error({ call: call.label, err: error }, "a handler failed: EIO for its caller");
    return ERRNO.EIO;
  }

  /** An error, or what a write has reached before it. */
  #cutShort(call: Call, errno: number): void {
    call.count = call.taken;
    this.#settle(call, call.taken > 0 ? 0 : errno);
  }

  #settleHungUp(call: Call, { readEnds, errno }: HangUp): void {
    if (call.kind === "flush") this.#settle(call, 0);
    else if (call.kind === "read" && readEnds) {
      call.bytes = NOTHING;
      call.count = 0;
      this.#settle(call, 0);
    } else this.#cutShort(call, errno);
  }

  #settleAborted(call: Call): void {
    const { hungUp } = call.file;
    if (hungUp !== undefined && call.abortErrno === hungUp.errno) this.#settleHungUp(call, hungUp);
    else this.#cutShort(call, call.abortErrno ?? ERRNO.EINTR);
  }

  #settle(call: Call, errno: number): void {
    if (call.settled) throw new InternalError(`${call.label} was answered twice`);
    call.settled = true;
    call.errno = errno === ERRNO.ENOSYS ? withoutEnosys(call) : errno;
    this.#counters.settled(call);
    if (call.isOpening && errno !== 0) this.#opens.forget(call.file);
    // One that never waited is nowhere to be taken out of.
    if (call.hasWaited) this.#forget(call);
  }

  #forget(call: Call): void {
    call.parked = false;
    call.stopTimers();
    call.limitTimer?.();
    call.file.parked.delete(call);
    this.#waiting.delete(call.key);
    if (this.#waiting.size === 0) this.#onIdle?.();
    this.#onRest?.();
  }

  #tell(call: Call): void {
    this.#listener.late(call);
    this.#giveBuffer(call);
    this.#changes.settle();
  }

  #giveBuffer(call: Call): void {
    call.giveBuffer?.();
    call.giveBuffer = undefined;
  }

  #park(call: Call, answer: WouldBlock): void {
    this.#wait(call);
    call.parked = true;
    call.file.parked.add(call);
    this.#listener.parked?.(call);
    this.#onRest?.();
    const ms = answer.retryAfterMs;
    if (ms === undefined) return;
    call.retryTimer = this.#clock.after(Math.min(ms, LONGEST_TIMER_MS), () => {
      this.#retry(call);
      this.#changes.settle();
    });
  }

  #retry(call: Call): void {
    // Not parked while the handler runs, and with no time limit of an earlier answer.
    call.parked = false;
    call.stopTimers();
    if (this.run(call)) this.#tell(call);
  }

  /** A call begins, or goes on, to wait. */
  #wait(call: Call): void {
    call.startWaiting();
    this.#waiting.set(call.key, call);
    if (call.kind !== "release" || call.limitTimer !== undefined) return;
    // A process that is ending waits for this without any way to be freed: its SIGKILL, if that is what ends it, is spent,
    // and no INTERRUPT comes (request_wait_answer() in fs/fuse/dev.c).
    const { releaseMs = RELEASE_MS } = this.#driver;
    call.limitTimer = this.#clock.after(Math.min(releaseMs, LONGEST_TIMER_MS), () => {
      this.#log.warn({ call: call.label, releaseMs }, "release takes too long: its signal aborts");
      this.#end(call, 0);
    });
  }

  #await(call: Call, promise: Promise<unknown>): void {
    this.#wait(call);
    promise.then(
      (answer) => {
        if (call.settled) {
          this.#giveBuffer(call);
          this.#tooLate(call, answer);
        } else this.#resume(call, answer);
      },
      (error: unknown) => {
        if (call.settled) {
          this.#giveBuffer(call);
          this.#log.debug({ call: call.label, err: error }, "a handler failed after its caller had been freed");
          return;
        }
        this.#fail(call, error);
        this.#tell(call);
      },
    );
    // The handler hung its own file up, or close() came while it began.
    if (call.kind === "release") return;
    const { hungUp } = call.file;
    if (call.isOpening) {
      if (hungUp !== undefined || this.#closing) this.#end(call, ERRNO.ENODEV);
    } else if (hungUp !== undefined) this.#end(call, hungUp.errno);
  }

  /** A promise is fulfilled. */
  #resume(call: Call, answer: unknown): void {
    if (answer instanceof WouldBlock) {
      if (this.#blocks(call)) {
        this.#park(call, answer);
        return;
      }
    } else {
      try {
        this.#take(call, answer);
      } catch (error) {
        this.#fail(call, error);
      }
    }
    if (call.settled) this.#tell(call);
    else this.#retry(call);
    this.#changes.settle();
  }

  /** A handler ended after its caller had been freed without it. */
  #tooLate(call: Call, answer: unknown): void {
    if (!call.isOpening || answer instanceof WouldBlock) return;
    // The kernel knows of no open file, so no RELEASE will come: undo the open.
    call.file.state = answer;
    void this.#giveBack(call.file);
  }

  /** Frees a waiting caller: at once when it is parked, else when its handler ends, or the grace time does. */
  #end(call: Call, errno: number): void {
    call.abort(errno);
    if (call.settled) return;
    if (call.parked) {
      this.#settleAborted(call);
      this.#tell(call);
      return;
    }
    call.graceTimer ??= this.#clock.after(this.#graceMs, () => {
      const fields = { call: call.label, graceMs: this.#graceMs };
      this.#log.warn(fields, "a handler went on after its signal had aborted; its caller is freed without it");
      this.#settleAborted(call);
      // Without #tell(): the handler may still look at the message, so its buffer is given back when the handler ends.
      this.#listener.late(call);
      this.#changes.settle();
    });
  }

  #giveBack(file: File): Promise<void> {
    this.#opens.forget(file);
    return giveBack(file, { driver: this.#driver, clock: this.#clock, log: this.#log, graceMs: this.#graceMs });
  }
}

/**
 * ENOSYS for an open becomes ENXIO: it would tell FUSE that this daemon knows no OPEN at all, and the kernel would
 * never ask again (fuse_file_open() in fs/fuse/file.c). For an ioctl it becomes ENOTTY, as in fuse_send_ioctl().
 */
function withoutEnosys({ kind, isOpening }: Call): number {
  return isOpening ? ERRNO.ENXIO : kind === "ioctl" ? ERRNO.ENOTTY : ERRNO.ENOSYS;
}
