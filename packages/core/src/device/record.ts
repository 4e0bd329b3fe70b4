// A recording being written: `--record FILE`. What programs wrote and read is in it, so it is readable by the daemon's
// user alone, and never written over another file.
// Lifetime: from create() to close(); a device's messages from its attach() on. At most one buffer is held in memory;
// what is in it is lost with kill -9, and that is at most what came in the last tenth of a second.

import { closeSync, openSync, writeSync } from "node:fs";
import { UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Monitor, Tap } from "../session/monitor.ts";
import { encodeHead, encodeHeader, RECORD, RECORD_HEAD_SIZE, type RecordKind } from "../trace/recording.ts";
import type { AnyDevice } from "./device.ts";

const BUFFER_SIZE = 64 * 1024;
const FLUSH_MS = 100;

export class Recording {
  readonly path: string;
  readonly #log: Logger;
  readonly #startedAt = performance.now();
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #used = 0;
  #fd: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #devices = 0;

  /** @throws UsageError when the file is there already, or cannot be made */
  constructor(path: string, log: Logger) {
    this.path = path;
    this.#log = log;
    this.#fd = create(path);
    // At once: a recording without anything in it is one, too.
    this.#write(encodeHeader(new Date().toISOString()));
  }

  /** Records a device until the returned function is called. */
  attach(device: AnyDevice, tap: Tap): () => void {
    const number = this.#devices++;
    this.#put(RECORD.DEVICE, number, [new TextEncoder().encode(JSON.stringify({ name: device.name }))]);
    const monitor: Monitor = {
      received: (message) => this.#put(RECORD.REQUEST, number, [message]),
      sent: (parts) => this.#put(RECORD.ANSWER, number, parts),
      closing: () => this.#put(RECORD.CLOSING, number, []),
    };
    tap.add(monitor);
    return () => tap.remove(monitor);
  }

  /** Writes what is held back. Idempotent. */
  close(): void {
    this.#flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #put(kind: RecordKind, device: number, payload: readonly Uint8Array[]): void {
    const head = new DataView(new ArrayBuffer(RECORD_HEAD_SIZE));
    const length = payload.reduce((sum, part) => sum + part.length, 0);
    const time = (performance.now() - this.#startedAt) * 1000;
    encodeHead({ kind, device, time }, length, head);
    this.#append([new Uint8Array(head.buffer), ...payload]);
  }

  #append(parts: readonly Uint8Array[]): void {
    if (this.#fd === undefined) return;
    for (const part of parts) {
      if (this.#used + part.length > BUFFER_SIZE) this.#flush();
      if (part.length > BUFFER_SIZE) {
        this.#write(part);
        continue;
      }
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
    }
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const held = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    this.#write(held);
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let done = 0; this.#fd !== undefined && done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done);
    } catch (error) {
      // What is served matters more than what is recorded of it.
      const fd = this.#fd;
      this.#fd = undefined;
      if (fd !== undefined) closeSync(fd);
      this.#log.error({}, `recording ends, ${this.path} cannot be written: ${String(error)}`);
    }
  }
}

function create(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EEXIST")
      throw new UsageError(`${path} is there already, and a recording is not written over anything`, { cause });
    throw new UsageError(`${path} cannot be made: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
