// What this process serves now, for who asks a daemon how it is.
// Lifetime: an entry from the moment at which the device file is there to its end.

import type { File } from "../session/file.ts";
import type { Tap } from "../session/monitor.ts";

export interface Served {
  /** Of the device file. */
  readonly path: string;
  /** "cuse", "fusd", "fuse", "memory", "pty". */
  readonly channel: string;
  /** The open files, where we see them. */
  readonly files: Iterable<File>;
  /** Where requests can be looked at; undefined: the kernel answers them by itself. */
  readonly tap: Tap | undefined;
  /** Whether a program has it open. */
  isOpen(): boolean;
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
