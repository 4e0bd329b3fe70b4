// The three kinds of failure, so that a reader of a log knows whose fault it is.
// DeviceError is an answer to a client, UsageError a mistake of whoever calls us, InternalError a mistake of ours.

import { ERRNO, type ErrnoName } from "./errno.ts";

/** What the client of a device file gets: one errno, and for the log a sentence that says why. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  readonly code: ErrnoName;

  constructor(code: ErrnoName, message: string = code, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The positive errno number, e.g. 19 for ENODEV. */
  get errno(): number {
    return ERRNO[this.code];
  }
}

/** A caller of this library, or a person at a command line, asked for something that cannot be. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An invariant of ours does not hold. Always a bug here. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}

/** The code of what a system call of Node's or the addon's threw, e.g. "ENOENT"; "unknown" where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
