// One open(2) of the device: from the OPEN to the answered RELEASE.

import { ERRNO, type ErrnoName } from "../errno.ts";
import { O_NONBLOCK } from "../wire/abi.ts";
import type { Call, Wake } from "./call.ts";
import { type Caller, type OpenFile, POLL } from "./driver.ts";

/** What calls get on a file that was hung up. */
export interface HangUp {
  readonly errno: number;
  /** A read gets the end of the file instead. */
  readonly readEnds: boolean;
  /** POLL bits. */
  readonly poll: number;
}

/** As a tty's file operations after __tty_hangup() (hung_up_tty_fops in drivers/tty/tty_io.c). */
const TTY_HANGUP: HangUp = {
  errno: ERRNO.EIO,
  readEnds: true,
  poll: POLL.IN | POLL.OUT | POLL.ERR | POLL.HUP | POLL.RDNORM | POLL.WRNORM,
};

/** Who a file's wake-ups go to. */
export interface FileOwner {
  wake(file: File, wake: Wake): void;
  urgent(file: File): void;
  hangup(file: File, hangUp: HangUp): void;
}

export class File implements OpenFile {
  readonly id: number;
  readonly flags: number;
  readonly #owner: FileOwner;
  /** What the driver's open() returned. */
  state: unknown = undefined;
  /** O_NONBLOCK as last seen: kept for ioctls, whose messages do not carry it. */
  #flagged = false;
  #saidNonBlocking = false;
  hungUp: HangUp | undefined = undefined;
  /** Who opened it. */
  opener: Caller | undefined = undefined;
  /** When, by the session's clock. */
  openedAt = 0;
  /** What programs have got from it, and given to it. In an array, where no number is ever moved to the heap. */
  readonly #moved = new Float64Array(2);
  /** Calls that wait for a wake-up, oldest first. */
  readonly parked = new Set<Call>();
  /** Somebody wants to hear when what poll(2) would say has changed. */
  polled = false;
  /** How often the driver said that something changed. */
  wakes = 0;

  constructor(id: number, flags: number, owner: FileOwner) {
    this.id = id;
    this.flags = flags;
    this.#owner = owner;
    this.saw(flags);
  }

  /** Of the next call. */
  get nonBlocking(): boolean {
    return this.#flagged || this.#saidNonBlocking;
  }

  get readBytes(): number {
    return this.#moved[0] ?? 0;
  }

  set readBytes(bytes: number) {
    this.#moved[0] = bytes;
  }

  get writtenBytes(): number {
    return this.#moved[1] ?? 0;
  }

  set writtenBytes(bytes: number) {
    this.#moved[1] = bytes;
  }

  /** @param flags the file's, as a message has them */
  saw(flags: number): void {
    this.#flagged = (flags & O_NONBLOCK) !== 0;
  }

  setNonBlocking(on: boolean): void {
    this.#saidNonBlocking = on;
  }

  readable(): void {
    this.#owner.wake(this, "readable");
  }

  writable(): void {
    this.#owner.wake(this, "writable");
  }

  urgent(): void {
    this.#owner.urgent(this);
  }

  hangup(errno?: ErrnoName): void {
    const hangUp =
      errno === undefined ? TTY_HANGUP : { errno: ERRNO[errno], readEnds: false, poll: POLL.ERR | POLL.HUP };
    this.#owner.hangup(this, hangUp);
  }
}
