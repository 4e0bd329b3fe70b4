// The files that are open on one channel, and the opens under way, within the driver's limit. A file is here from its
// successful open to its release.

import { DeviceError } from "../errors.ts";
import type { Call } from "./call.ts";
import type { File } from "./file.ts";

/** As FUSD had it; a client that opens in a loop must not fill the daemon's memory. */
const MAX_OPENS = 1024;

export class Opens {
  readonly #max: number;
  /** The device's, of all channels. */
  readonly #deviceFiles: Set<File>;
  readonly #files = new Set<File>();
  readonly #opening = new Set<Call>();

  constructor(deviceFiles: Set<File>, max: number = MAX_OPENS) {
    this.#deviceFiles = deviceFiles;
    this.#max = max;
  }

  [Symbol.iterator](): Iterator<File> {
    return [...this.#files].values();
  }

  /** Lets an open get to the driver. It counts until ended(). @throws DeviceError ENFILE */
  admit(call: Call): void {
    if (this.#opening.has(call)) return;
    if (this.#deviceFiles.size + this.#opening.size >= this.#max)
      throw new DeviceError("ENFILE", `${this.#max} files are open already (maxOpens)`);
    this.#opening.add(call);
  }

  /** The open has ended, one way or the other. */
  ended(call: Call): void {
    this.#opening.delete(call);
  }

  add(file: File): void {
    this.#files.add(file);
    this.#deviceFiles.add(file);
  }

  /** @returns false when it was forgotten already */
  forget(file: File): boolean {
    this.#deviceFiles.delete(file);
    return this.#files.delete(file);
  }
}
