// What this process serves now, for who asks a daemon how it is.
// Lifetime: an entry from the moment at which the device file is there to its end.

import type { Counts } from "../session/counters.ts";
import type { Caller } from "../session/driver.ts";

export interface Served {
  /** Of the device file. */
  readonly path: string;
  /** "cuse", "fusd", "fuse", "memory", "pty". */
  readonly channel: string;
  /** What programs ask of it; undefined: the kernel answers them by itself. */
  readonly requests: Requests | undefined;
  /** Whether a program has it open. */
  isOpen(): boolean;
}

export interface Requests {
  readonly files: Iterable<OpenedFile>;
  /** The calls that are not answered. */
  waiting(): Iterable<UnansweredCall>;
  counts(): Counts;
}

export interface OpenedFile {
  /** Undefined while it is being opened. */
  readonly opener: Caller | undefined;
  /** As performance.now() counts. */
  readonly openedAt: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

export interface UnansweredCall {
  readonly caller: Caller;
  /** "read", "ioctl TCSETS". */
  readonly label: string;
  readonly waitedMs: number;
  /** It waits for the driver's word; else its handler runs. */
  readonly parked: boolean;
}

const all = new Set<Served>();

/** What is served now, in the order in which it came. */
export function servedNow(): readonly Served[] {
  return [...all];
}

/** Says that a device is served, until the returned function is called. */
export function nowServed(served: Served): () => void {
  all.add(served);
  return () => {
    all.delete(served);
  };
}
