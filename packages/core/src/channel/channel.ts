// The seam between a session and a kernel: who carries the bytes. A ChannelKind is a way to make a device file,
// a Channel one device file that is being served.

import type { Logger } from "../log.ts";
import type { AnyDriver } from "../session/driver.ts";
import type { File } from "../session/file.ts";
import type { Tap } from "../session/monitor.ts";

/** Whether a kind can work on this machine, and why. */
export interface Availability {
  readonly usable: boolean;
  /** A sentence for a person: what is there, or what is missing and how to get it. */
  readonly why: string;
}

export interface ChannelOptions {
  readonly driver: AnyDriver;
  /** Open files, shared with whoever wakes all of them at once. */
  readonly files: Set<File>;
  /** Where the device file shall be, e.g. "/dev/pilot". */
  readonly path: string;
  readonly log: Logger;
  readonly permissions?: NodePermissions;
  /** Microseconds; see ServeOptions. */
  readonly spin?: number | undefined;
  /** To be given to the session: where tracing and recording look. */
  readonly tap?: Tap | undefined;
}

/** Owner and mode of the node. What is left out stays as the kernel made it. */
export interface NodePermissions {
  /** E.g. 0o660. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A device that is to be served, and where. */
export interface Wanted {
  /** The driver's. */
  readonly name: string;
  readonly path: string;
}

/** What a driver can need that not every channel has. */
export type Need = "seekable" | "flush" | "fsync" | "mmap" | "ioctls of any size";

export interface ChannelKind {
  /** "cuse", "fuse", "fusd", "memory". */
  readonly name: string;
  /** Which of these it has. Default: none */
  readonly serves?: ReadonlySet<Need>;
  /** @param wanted what is to be served; without it, whether anything can be */
  probe(wanted?: Wanted): Availability;
  /**
   * Makes the device file and serves it.
   * @throws UsageError when the kind cannot make this path; DeviceError("EACCES"), ("EEXIST") ...
   */
  open(options: ChannelOptions): Promise<Channel>;
}

export interface Channel {
  /** Path of the device file that programs open. */
  readonly path: string;
  /** Resolves when the channel has ended, with what ended it if that was not close(). */
  readonly ended: Promise<Error | undefined>;
  /** Frees every caller, releases every open file, removes the device file. Idempotent. */
  close(): Promise<void>;
  /**
   * Leaves the device file to the next daemon, with its open files, for as long as the driver's `recovery` says: callers
   * wait and notice nothing. The process is to end then. Absent where the device ends with its daemon.
   */
  leave?(): Promise<void>;
}
