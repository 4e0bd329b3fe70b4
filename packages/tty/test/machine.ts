// Waiting for the real kernel and other threads: by event, with a limit that only a failure reaches.

import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { native } from "@devlift/core";

const LIMIT_MS = 20_000;

/** Polls until it holds. @throws RangeError when it never does */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + LIMIT_MS; !(await holds()); await setTimeout(1))
    if (performance.now() > end) throw new RangeError(`it never came: ${what}`);
}

/** A program with a tty open. Its calls do not block. */
export class Program {
  readonly fd: number;
  #closed = false;

  constructor(path: string) {
    this.fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  }

  write(text: string): number {
    return native.writev(this.fd, [Buffer.from(text)]);
  }

  /** What there is now, "" for nothing; undefined when it is hung up. */
  read(): string | undefined {
    const buffer = Buffer.alloc(65_536);
    const count = native.read(this.fd, buffer);
    if (count === 0) return undefined;
    return count < 0 ? "" : buffer.toString("latin1", 0, count);
  }

  /** Reads until there are so many bytes. */
  async readAll(length: number): Promise<string> {
    let all = "";
    await until(`${length} bytes to read`, () => {
      all += this.read() ?? "";
      return all.length >= length;
    });
    return all;
  }

  close(): void {
    if (!this.#closed) closeSync(this.fd);
    this.#closed = true;
  }
}

/** A directory of its own, and how to take it away. */
export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "devlift-tty-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
