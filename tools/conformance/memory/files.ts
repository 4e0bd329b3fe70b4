// The tables of the kernel in memory. An OpenFile is one open file description; the files of a process are closed with
// its last connection, as exit(2) does.

import { DeviceError, type MemoryFile, type MemoryKernel } from "@devlift/core";

const FIRST_FD = 1000;
const O_ACCMODE = 3;

export class OpenFile {
  readonly file: MemoryFile;
  readonly process: number;
  readonly access: number;
  readonly #waiters = new Set<() => void>();
  #users = 1;

  constructor(file: MemoryFile, process: number, flags: number) {
    this.file = file;
    this.process = process;
    this.access = flags & O_ACCMODE;
  }

  /** A call on a file keeps it open, as fdget() does. */
  hold(): void {
    this.#users++;
  }

  async during<T>(call: () => Promise<T>): Promise<T> {
    this.hold();
    try {
      return await call();
    } finally {
      await this.drop();
    }
  }

  /** The last one who drops it releases it; what release() says is told to nobody, as close(2) does not. */
  async drop(): Promise<void> {
    if (--this.#users > 0) return;
    await this.file.close().catch((error: unknown) => {
      if (!(error instanceof DeviceError)) throw error;
    });
  }

  /** @param waiter runs at the next wake-up; undefined: nobody waits */
  ready(waiter: (() => void) | undefined): Promise<number> {
    if (waiter === undefined) return this.file.poll();
    this.#waiters.add(waiter);
    // The kernel keeps one handle a file and wakes everybody who waits at it.
    return this.file.poll(() => {
      for (const wake of [...this.#waiters]) wake();
    });
  }

  forget(waiter: () => void): void {
    this.#waiters.delete(waiter);
  }
}

/** The tables that the processes have in common. */
export class Host {
  readonly kernels = new Map<string, MemoryKernel>();
  readonly files = new Map<number, OpenFile>();
  readonly #connections = new Map<number, number>();
  #lastFd = FIRST_FD;

  add(file: OpenFile): number {
    this.files.set(++this.#lastFd, file);
    return this.#lastFd;
  }

  attach(process: number): void {
    this.#connections.set(process, (this.#connections.get(process) ?? 0) + 1);
  }

  detach(process: number): void {
    const left = (this.#connections.get(process) ?? 1) - 1;
    this.#connections.set(process, left);
    if (left > 0) return;
    this.#connections.delete(process);
    for (const [fd, file] of [...this.files]) {
      if (file.process !== process) continue;
      this.files.delete(fd);
      void file.drop();
    }
  }
}
