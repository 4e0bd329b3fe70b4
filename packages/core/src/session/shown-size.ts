// The size of a mounted file, which is not the same for programs and for the kernel. Programs shall see 0. The kernel
// lets two writes go on at a time only within the size, and has the second wait, uninterruptibly, where the first would
// make the file grow (fuse_dio_wr_exclusive_lock() in fs/fuse/file.c): it shall take the file for larger than any write.
// Each time that a program is told the size (GETATTR) or truncates the file (O_TRUNC), the kernel takes 0 for the truth,
// so it is told otherwise after each (FUSE_NOTIFY_STORE). That must not overtake the first GETATTR, whose mode and owner
// the kernel would then ignore (fi->attr_version); a file is open only after that one.
// What remains: a write after open(O_TRUNC) and before the kernel was told, and one with O_APPEND, keep others waiting;
// and one stat(2) in some ten thousand beside opens and writes sees the larger size, when it comes between the kernel's
// setting it and its marking it as old (fuse_write_update_attr()).

import type { Clock } from "./clock.ts";

/** Bytes of one write(2) that other writers do not wait for. */
export const ENLARGED_SIZE: number = 1024 * 1024;
/** Milliseconds until the kernel has surely truncated the file after the answer to an open(O_TRUNC). */
const TRUNCATION_MS = 5;

export class ShownSize {
  readonly #clock: Clock;
  readonly #enlarge: () => void;
  /** The kernel is to be told, once the answer at hand is out. */
  due = false;

  /** @param enlarge tells the kernel that the file has ENLARGED_SIZE bytes */
  constructor(clock: Clock, enlarge: () => void) {
    this.#clock = clock;
    this.#enlarge = enlarge;
  }

  /** A file is being opened. */
  opened(truncates: boolean): void {
    if (truncates) this.#clock.after(TRUNCATION_MS, this.#enlarge);
    else this.due = true;
  }

  settle(): void {
    if (!this.due) return;
    this.due = false;
    this.#enlarge();
  }
}
