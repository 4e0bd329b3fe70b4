// One open(2) of the device: from the OPEN to the answered RELEASE.

import type { Call, Wake } from "./call.ts";
import type { OpenFile } from "./driver.ts";

/** Who a file's wake-ups go to. */
export interface FileOwner {
  wake(file: File, wake: Wake): void;
  hangup(file: File): void;
}

export class File implements OpenFile {
  readonly id: number;
  readonly flags: number;
  readonly #owner: FileOwner;
  /** What the driver's open() returned. */
  state: unknown = undefined;
  /** O_NONBLOCK as last seen in a read or a write, for ioctls, whose messages do not carry it. */
  nonBlocking: boolean;
  hungUp = false;
  /** Calls that wait for a wake-up, oldest first. */
  readonly parked = new Set<Call>();
  /** The kernel's name for whoever polls this file, while one wake-up is wanted. */
  pollHandle: bigint | undefined = undefined;
  /** How often the driver said that something changed. */
  wakes = 0;

  constructor(id: number, flags: number, nonBlocking: boolean, owner: FileOwner) {
    this.id = id;
    this.flags = flags;
    this.nonBlocking = nonBlocking;
    this.#owner = owner;
  }

  readable(): void {
    this.#owner.wake(this, "readable");
  }

  writable(): void {
    this.#owner.wake(this, "writable");
  }

  hangup(): void {
    this.#owner.hangup(this);
  }
}
