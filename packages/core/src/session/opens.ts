// The files that are open on one channel, and the opens under way, within the driver's limits. A file is here from its
// open to its release, or to the failure of that open.

import { DeviceError } from "../errors.ts";
import type { Call } from "./call.ts";
import type { Driver } from "./driver.ts";
import type { File } from "./file.ts";

/** What a File and its map entries take, some 1 KiB, bounds the daemon's memory to tens of megabytes. */
const MAX_OPENS = 16384;
const MAX_OPENS_PER_USER = 1024;
const ROOT = 0;

type Limits = Pick<Driver<unknown, Record<never, never>>, "maxOpens" | "maxOpensPerUser">;

export class Opens {
  readonly #max: number;
  readonly #maxPerUser: number;
  /** The device's, of all channels. */
  readonly #deviceFiles: Set<File>;
  readonly #files = new Set<File>();
  /** Each file that is open or being opened, and whose it is. */
  readonly #users = new Map<File, number>();
  readonly #counts = new Map<number, number>();

  constructor(deviceFiles: Set<File>, { maxOpens = MAX_OPENS, maxOpensPerUser = MAX_OPENS_PER_USER }: Limits) {
    this.#deviceFiles = deviceFiles;
    this.#max = maxOpens;
    this.#maxPerUser = maxOpensPerUser;
  }

  [Symbol.iterator](): Iterator<File> {
    return [...this.#files].values();
  }

  /** Lets an open get to the driver, perhaps not for the first time. @throws DeviceError ENFILE, EMFILE */
  admit({ file, caller: { uid } }: Call): void {
    if (this.#users.has(file)) return;
    if (this.#users.size >= this.#max)
      throw new DeviceError("ENFILE", `${this.#max} files are open already (maxOpens)`);
    const count = this.#counts.get(uid) ?? 0;
    if (count >= this.#maxPerUser && uid !== ROOT)
      throw new DeviceError("EMFILE", `user ${uid} has ${count} files open already (maxOpensPerUser)`);
    this.#users.set(file, uid);
    this.#counts.set(uid, count + 1);
  }

  /** The open has succeeded. */
  add(file: File): void {
    this.#files.add(file);
    this.#deviceFiles.add(file);
  }

  /** The file is closed, or its open has failed. @returns false when it was not open */
  forget(file: File): boolean {
    const uid = this.#users.get(file);
    if (uid !== undefined) {
      this.#users.delete(file);
      const left = (this.#counts.get(uid) ?? 1) - 1;
      if (left > 0) this.#counts.set(uid, left);
      else this.#counts.delete(uid);
    }
    this.#deviceFiles.delete(file);
    return this.#files.delete(file);
  }
}
