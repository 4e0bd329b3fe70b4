// A control device of the kernel's, /dev/cuse or /dev/fusd. Each open descriptor of it can become one character device,
// whose node the kernel makes itself, under its own name and nowhere but in /dev.

import { closeSync, constants, lstatSync, openSync } from "node:fs";
import { DeviceError, errorCode, UsageError } from "../errors.ts";
import type { Availability, Wanted } from "./channel.ts";

const OPEN_FLAGS = constants.O_RDWR | constants.O_NONBLOCK;

export class ControlDevice {
  readonly path: string;
  readonly #module: string;
  readonly #whereToGet: string;

  /** @param whereToGet ends "'modprobe MODULE' loads ..." */
  constructor(module: string, whereToGet: string) {
    this.path = `/dev/${module}`;
    this.#module = module;
    this.#whereToGet = whereToGet;
  }

  probe(wanted?: Wanted): Availability {
    if (wanted !== undefined && wanted.path !== nodeOf(wanted)) return { usable: false, why: this.#misplaced(wanted) };
    if (!isThere(this.path))
      return {
        usable: false,
        why: `there is no ${this.path} ('modprobe ${this.#module}' loads ${this.#whereToGet})`,
      };
    try {
      // Opening autoloads a module; no device is made before more is said, so nothing is left behind.
      closeSync(openSync(this.path, OPEN_FLAGS));
      return { usable: true, why: `${this.path} is there and can be opened` };
    } catch (error) {
      return { usable: false, why: this.#refusal(error).message };
    }
  }

  /**
   * @param mayBeThere the node of a device that is taken over
   * @returns a new descriptor, non-blocking
   * @throws UsageError for a path that the kernel would not use; DeviceError("EEXIST", "EACCES", "ENODEV")
   */
  open(wanted: Wanted, mayBeThere = false): number {
    const { path } = wanted;
    if (path !== nodeOf(wanted)) throw new UsageError(this.#misplaced(wanted));
    if (!mayBeThere && isThere(path))
      throw new DeviceError("EEXIST", `${path} is there already: end what serves it, or remove a file left there`);
    try {
      return openSync(this.path, OPEN_FLAGS);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  #misplaced({ name, path }: Wanted): string {
    return `a device of ${this.path} named ${name} is at ${nodeOf({ name })}; it cannot be at ${path}`;
  }

  #refusal(error: unknown): DeviceError {
    const code = errorCode(error);
    if (code === "EACCES" || code === "EPERM")
      return new DeviceError("EACCES", `no permission to open ${this.path}: run as root`, { cause: error });
    const why = `${this.path} cannot be opened (${code}): try 'modprobe ${this.#module}'`;
    return new DeviceError("ENODEV", why, { cause: error });
  }
}

/**
 * Not by access(2), as existsSync() asks: for a device that a service may not open (DeviceAllow= of its unit) that says EPERM
 * of whether it is there, too (devcgroup_inode_permission() in include/linux/device_cgroup.h).
 */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function nodeOf({ name }: Pick<Wanted, "name">): string {
  return `/dev/${name}`;
}
