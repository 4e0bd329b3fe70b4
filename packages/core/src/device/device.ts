// A driver made into a device: the object that is served, on any channel, and that says readable(), writable() or
// hangup() for all of its open files at once. Lives as long as the daemon.

import type { ErrnoName } from "../errno.ts";
import { UsageError } from "../errors.ts";
import { commandTable } from "../layout/index.ts";
import type { Commands, Driver, Notifier } from "../session/driver.ts";
import type { File } from "../session/file.ts";

/** What defineDevice() makes. The Notifier's calls reach every file that is open now. */
export class Device<State = unknown, C extends Commands = Commands> implements Notifier {
  readonly driver: Driver<State, C>;
  /** The open files of all channels that serve this device. */
  readonly files: Set<File> = new Set();

  constructor(driver: Driver<State, C>) {
    this.driver = driver;
  }

  get name(): string {
    return this.driver.name;
  }

  readable(): void {
    for (const file of [...this.files]) file.readable();
  }

  writable(): void {
    for (const file of [...this.files]) file.writable();
  }

  urgent(): void {
    for (const file of [...this.files]) file.urgent();
  }

  hangup(errno?: ErrnoName): void {
    for (const file of [...this.files]) file.hangup(errno);
  }
}

/** A device whose types nobody needs to know any more. */
export type AnyDevice = Device<unknown, Commands>;

/** What one device can have, FUSD_MAP_REGIONS of kernel/fusd/uapi/fusd.h. */
const MOST_MEMORY = 2 ** 40;

const NAME = /^[A-Za-z0-9_.:+-]+(\/[A-Za-z0-9_.:+-]+)*$/;

/**
 * Checks a driver and makes a device of it.
 * @throws UsageError for a name that cannot stand under /dev, a limit that is none, two commands with one number,
 *   or a command without handler
 */
export function defineDevice<State = undefined, const C extends Commands = Record<never, never>>(
  driver: Driver<State, C>,
): Device<State, C> {
  if (!NAME.test(driver.name) || driver.name.split("/").includes(".."))
    throw new UsageError(`"${driver.name}" is no name for a node under /dev`);
  for (const limit of ["maxOpens", "maxOpensPerUser"] as const) {
    const value = driver[limit] ?? 1;
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`${driver.name}: ${limit} is a whole number from 1, not ${value}`);
  }
  const { releaseMs = 0 } = driver;
  if (!(releaseMs >= 0)) throw new UsageError(`${driver.name}: releaseMs is milliseconds, not ${releaseMs}`);
  const { deadlineMs = 1 } = driver;
  if (!(Number.isInteger(deadlineMs) && deadlineMs > 0))
    throw new UsageError(`${driver.name}: deadlineMs is a whole number of milliseconds from 1, not ${deadlineMs}`);
  if (driver.seek !== undefined && !driver.seekable)
    throw new UsageError(`${driver.name}: seek is for a driver that is seekable`);
  const { recovery, recover, mmap } = driver;
  if (mmap !== undefined && !(Number.isInteger(mmap.size) && mmap.size >= 1 && mmap.size <= MOST_MEMORY))
    throw new UsageError(`${driver.name}: mmap.size is a whole number of bytes from 1 to 2^40, not ${mmap.size}`);
  if (recovery === undefined ? recover !== undefined : !(Number.isInteger(recovery.ms) && recovery.ms > 0))
    throw new UsageError(`${driver.name}: recover needs recovery, and its ms is a whole number from 1`);
  const commands = driver.commands ?? {};
  commandTable(commands);
  for (const name of Object.keys(commands)) {
    if (driver.ioctl === undefined || !(name in driver.ioctl))
      throw new UsageError(`${driver.name}: the command ${name} has no handler in ioctl`);
  }
  return new Device(driver);
}
