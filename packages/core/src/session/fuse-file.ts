// An open file of a FUSE connection.

import { File } from "./file.ts";

export class FuseFile extends File {
  /** The same in the next daemon, where there is one. */
  readonly number: bigint = BigInt(this.id);
  /** The kernel's name for whoever polls this file, while one wake-up is wanted. */
  pollHandle = 0n;
}
