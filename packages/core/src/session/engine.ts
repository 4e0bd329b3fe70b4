// Runs calls on a driver, whatever channel they came by: the one place that knows about blocking, O_NONBLOCK, poll
// wake-ups, interrupts, hang-up and shutdown. No I/O, no wire format.
// A call is asked of the driver at once. It is then settled (the answer stands in the call), or kept here until a
// wake-up, a timer, its promise or an abort settles it; then `late` is told. A call is settled exactly once.
// Lifetimes: a File is here from its successful open to its release, a Call only while it waits.

import { ERRNO } from "../errno.ts";
import { DeviceError, InternalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Call, Wake } from "./call.ts";
import { type AnyDriver, POLL, WouldBlock } from "./driver.ts";
import type { File, FileOwner } from "./file.ts";

/** Time for the engine, so that tests own it. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Runs `fn` once after `ms` milliseconds. @returns a function that calls it off */
  after(ms: number, fn: () => void): () => void;
}

/** What the engine tells the session that it runs for. */
export interface EngineListener {
  /** A call that run() left open is settled now. */
  late(call: Call): void;
  /** Whoever polls this file shall ask again. */
  pollChanged(file: File): void;
}

export interface EngineOptions {
  readonly driver: AnyDriver;
  readonly clock: Clock;
  readonly log: Logger;
  /** Open files, shared with whoever wakes all of them at once. */
  readonly files: Set<File>;
  /** Milliseconds that an aborted handler has to end by itself before its caller is freed without it. Default 1000. */
  readonly abortGraceMs?: number;
}

const NOTHING = new Uint8Array(0);
const HUNG_UP = POLL.IN | POLL.OUT | POLL.ERR | POLL.HUP | POLL.RDNORM | POLL.WRNORM;
/** A handler that wakes itself each time it would block is asked again this often, then parked. */
const SELF_WAKES = 8;
const ABORT_GRACE_MS = 1000;

export class Engine implements FileOwner {
  readonly #driver: AnyDriver;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #files: Set<File>;
  readonly #graceMs: number;
  readonly #listener: EngineListener;
  readonly #waiting = new Set<Call>();
  /** Counts wake-ups, so that one that comes while the handler still runs is not lost. */
  #wakes = 0;
  #closing = false;

  constructor(options: EngineOptions, listener: EngineListener) {
    this.#driver = options.driver;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#files = options.files;
    this.#graceMs = options.abortGraceMs ?? ABORT_GRACE_MS;
    this.#listener = listener;
  }

  get waiting(): ReadonlySet<Call> {
    return this.#waiting;
  }

  /** Asks the driver. @returns true when the call is settled, false when `late` will tell */
  run(call: Call): boolean {
    if (call.file.hungUp && call.kind !== "release") {
      this.#settleHungUp(call);
      return true;
    }
    for (let again = 0; ; ) {
      const wakes = this.#wakes;
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
      if (call.nonBlocking) {
        this.#cutShort(call, ERRNO.EAGAIN);
        return true;
      }
      if (this.#wakes !== wakes && again++ < SELF_WAKES) continue;
      this.#park(call, answer);
      return false;
    }
  }

  /** What poll(2) sees of a file now, in POLL bits. */
  poll(call: Call): number {
    if (call.file.hungUp) return HUNG_UP;
    let ready = this.#driver.poll === undefined ? POLL.IN | POLL.OUT : this.#driver.poll(call);
    if ((ready & POLL.IN) !== 0) ready |= POLL.RDNORM;
    if ((ready & POLL.OUT) !== 0) ready |= POLL.WRNORM;
    return ready;
  }

  wake(file: File, wake: Wake): void {
    this.#wakes++;
    if (file.hungUp) return;
    if (file.parked.size > 0) {
      for (const call of [...file.parked]) {
        if (call.parked && call.wants(wake)) this.#retry(call);
      }
    }
    this.#listener.pollChanged(file);
  }

  hangup(file: File): void {
    if (file.hungUp) return;
    file.hungUp = true;
    for (const call of [...this.#waiting]) {
      if (call.file !== file || call.kind === "release") continue;
      if (call.parked) {
        this.#settleHungUp(call);
        this.#tell(call);
      } else this.#abort(call, ERRNO.EIO);
    }
    this.#listener.pollChanged(file);
  }

  /** The caller got a signal: it is freed now, or when its handler has ended. */
  interrupt(call: Call): void {
    if (!call.parked) {
      this.#abort(call, ERRNO.EINTR);
      return;
    }
    this.#cutShort(call, ERRNO.EINTR);
    this.#tell(call);
  }

  /** Hangs up every file and gives it back to the driver. Resolves when every release() has ended. */
  async close(): Promise<void> {
    this.#closing = true;
    const files = [...this.#files];
    for (const file of files) this.hangup(file);
    for (const call of [...this.#waiting]) this.#abort(call, ERRNO.EIO);
    await Promise.all(files.map((file) => this.#giveBack(file)));
  }

  #ask(call: Call): unknown {
    const driver = this.#driver;
    switch (call.kind) {
      case "read":
        if (driver.read === undefined) throw new DeviceError("EINVAL", "the driver has no read");
        return driver.read(call);
      case "write":
        if (driver.write === undefined) throw new DeviceError("EINVAL", "the driver has no write");
        return driver.write(call);
      case "ioctl": {
        const handler = call.entry === undefined ? undefined : driver.ioctl?.[call.entry.name];
        if (handler === undefined) throw new DeviceError("ENOTTY", "the driver has no handler for this ioctl");
        return handler(call);
      }
      case "open":
        if (this.#closing) throw new DeviceError("ENODEV", "the device is being closed");
        return driver.open?.(call);
      case "release":
        // close() may have given it back already.
        return this.#files.delete(call.file) ? driver.release?.(call) : undefined;
      default:
        throw new InternalError(`${call.kind} is not run`);
    }
  }

  /** Takes a handler's value. @returns false when the same call is to be asked again: a write with more to give */
  #take(call: Call, answer: unknown): boolean {
    switch (call.kind) {
      case "read":
        if (!(answer instanceof Uint8Array) || answer.length > call.length)
          throw new InternalError(`read answered with something else than at most ${call.length} bytes`);
        call.bytes = answer;
        break;
      case "write": {
        if (!isCount(answer) || answer > call.data.length)
          throw new InternalError(`write answered ${String(answer)} for ${call.data.length} bytes`);
        call.taken += answer;
        call.data = call.data.subarray(answer);
        if (answer > 0 && call.data.length > 0 && !call.nonBlocking && call.abortErrno === undefined) return false;
        call.count = call.taken;
        break;
      }
      case "ioctl":
        if (answer !== undefined && !isCount(answer))
          throw new InternalError(`ioctl answered ${String(answer)}, which is not a result >= 0`);
        call.count = answer ?? 0;
        if (call.encodeOutput !== undefined) call.bytes = call.encodeOutput(call.arg);
        break;
      case "open":
        call.file.state = answer;
        this.#files.add(call.file);
        break;
    }
    this.#settle(call, 0);
    return true;
  }

  #fail(call: Call, error: unknown): void {
    if (call.abortErrno !== undefined && !(error instanceof DeviceError)) {
      // A handler that ends because of its signal rejects with an AbortError or the like; that is no news.
      this.#cutShort(call, call.abortErrno);
      return;
    }
    this.#cutShort(call, this.errnoOf(call, error));
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

  #settleHungUp(call: Call): void {
    if (call.kind === "read") {
      call.bytes = NOTHING;
      this.#settle(call, 0);
    } else this.#cutShort(call, ERRNO.EIO);
  }

  #settle(call: Call, errno: number): void {
    if (call.settled) throw new InternalError(`${call.label} was answered twice`);
    call.settled = true;
    call.errno = errno;
    call.cancelTimer?.();
    call.cancelTimer = undefined;
    call.parked = false;
    call.file.parked.delete(call);
    this.#waiting.delete(call);
  }

  #tell(call: Call): void {
    this.#listener.late(call);
    call.onSettled?.();
  }

  #park(call: Call, answer: WouldBlock): void {
    call.startWaiting();
    call.parked = true;
    call.file.parked.add(call);
    this.#waiting.add(call);
    call.cancelTimer?.();
    const ms = answer.retryAfterMs;
    call.cancelTimer = ms === undefined ? undefined : this.#clock.after(ms, () => this.#retry(call));
  }

  #retry(call: Call): void {
    // Out of the parked state while the handler runs, so that a wake-up from inside it does not run it twice.
    call.parked = false;
    if (this.run(call)) this.#tell(call);
  }

  #await(call: Call, promise: Promise<unknown>): void {
    call.startWaiting();
    call.parked = false;
    this.#waiting.add(call);
    promise.then(
      (answer) => {
        if (call.settled) this.#tooLate(call, answer);
        else this.#resume(call, answer);
      },
      (error: unknown) => {
        if (call.settled) {
          this.#log.debug({ call: call.label, err: error }, "a handler failed after its caller had been freed");
          return;
        }
        this.#fail(call, error);
        this.#tell(call);
      },
    );
  }

  #resume(call: Call, answer: unknown): void {
    if (answer instanceof WouldBlock) {
      if (call.abortErrno !== undefined) this.#cutShort(call, call.abortErrno);
      else if (call.file.hungUp) this.#settleHungUp(call);
      else if (call.nonBlocking) this.#cutShort(call, ERRNO.EAGAIN);
      else {
        this.#park(call, answer);
        return;
      }
    } else {
      try {
        if (!this.#take(call, answer)) {
          this.#retry(call);
          return;
        }
      } catch (error) {
        this.#fail(call, error);
      }
    }
    this.#tell(call);
  }

  /** A handler ended after its caller had been freed without it. */
  #tooLate(call: Call, answer: unknown): void {
    if (call.kind !== "open" || answer instanceof WouldBlock) return;
    // The kernel knows of no open file, so no RELEASE will come: undo the open.
    call.file.state = answer;
    void this.#giveBack(call.file);
  }

  #abort(call: Call, errno: number): void {
    call.abort(errno);
    if (call.settled || call.cancelTimer !== undefined) return;
    call.cancelTimer = this.#clock.after(this.#graceMs, () => {
      this.#log.warn(
        { call: call.label, graceMs: this.#graceMs },
        "a handler went on after its signal had aborted; its caller is freed without it",
      );
      this.#cutShort(call, errno);
      this.#tell(call);
    });
  }

  /** Runs release() for a file whose RELEASE will not come or must not be waited for. */
  async #giveBack(file: File): Promise<void> {
    this.#files.delete(file);
    const signal = AbortSignal.abort();
    const call = {
      file,
      state: file.state,
      caller: { pid: 0, uid: 0, gid: 0 },
      nonBlocking: true,
      waitedMs: 0,
      signal,
    };
    try {
      await this.#driver.release?.(call);
    } catch (error) {
      this.#log.warn({ err: error }, "release failed");
    }
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
