// What poll(2) says of the files of /dev/fusd. The kernel answers it from what was last published and never asks, so
// whenever a handler may have changed something, each file's state is compared with that, and what differs is said
// before the answer that made it so. A driver's poll() therefore follows from requests and from what the driver said
// (readable, writable ...), not from time alone.
// Lifetimes: a PolledFile is one open file; a PolledFiles is part of its session.

import { Publications } from "../wire/fusd-reply.ts";
import { Call, type CallOrigin } from "./call.ts";
import { POLL } from "./driver.ts";
import type { Engine, PollWake } from "./engine.ts";
import { File, type FileOwner } from "./file.ts";

export interface PolledFileOptions {
  readonly owner: FileOwner;
  /** The kernel's. */
  readonly number: bigint;
  /** The open: who did it is who polls, to the driver. */
  readonly opener: CallOrigin;
}

export class PolledFile extends File {
  readonly number: bigint;
  /** What the driver's poll() is asked with. */
  readonly asked: Call;
  /** What was last said of it, in POLL bits; -1: nothing yet. */
  events = -1;

  constructor(id: number, flags: number, { owner, number, opener }: PolledFileOptions) {
    super(id, flags, owner);
    this.number = number;
    this.polled = true;
    this.asked = new Call("poll", this, opener, () => 0);
  }
}

const ALWAYS = POLL.PRI | POLL.HUP | POLL.ERR;
const WAKES = { readable: POLL.IN | POLL.RDNORM, writable: POLL.OUT | POLL.WRNORM, urgent: POLL.PRI };
const EVERY_BIT = Object.values(POLL).reduce((bits, bit) => bits | bit, 0);

export class PolledFiles {
  readonly #engine: Engine;
  readonly #files: ReadonlyMap<number, PolledFile>;
  /** Without a poll() of the driver's a file's state changes when it is hung up, and not else. */
  readonly #varies: boolean;
  readonly #publications = new Publications();
  /** Whom to wake, for which bits, when the handler that runs has its answer. */
  readonly #notes = new Map<PolledFile, number>();

  constructor(engine: Engine, files: ReadonlyMap<number, PolledFile>, varies: boolean) {
    this.#engine = engine;
    this.#files = files;
    this.#varies = varies;
  }

  /**
   * A handler has run. Publishes what it noted, and what has changed but for one file, whose state the answer says
   * itself. @returns that state where it has changed
   */
  compare(own: PolledFile | undefined): number | undefined {
    if (this.#notes.size > 0) this.publishNotes();
    if (this.#varies && this.#files.size > (own === undefined ? 0 : 1)) {
      for (const file of this.#files.values()) {
        if (file !== own && this.#hasChanged(file)) this.#publications.add(file.number, file.events, 0);
      }
    }
    return own !== undefined && this.#hasChanged(own) ? own.events : undefined;
  }

  /** The driver said so: whoever waits is to be woken, and edge-triggered epoll(7) has news, even if nothing changed. */
  note(id: number, wake: PollWake): void {
    const file = this.#files.get(id);
    // Before its open is answered the kernel has nobody to wake, and after its release no more.
    if (file === undefined) return;
    const bits = wake === "hangup" ? EVERY_BIT : WAKES[wake];
    this.#notes.set(file, (this.#notes.get(file) ?? 0) | bits);
  }

  publishNotes(): void {
    for (const [file, wake] of this.#notes) {
      this.#hasChanged(file);
      if (this.#files.has(file.id)) this.#publications.add(file.number, file.events, wake | (file.events & ALWAYS));
    }
    this.#notes.clear();
  }

  /** Messages to be sent before the next answer, valid until something is published again; undefined: none. */
  take(): Uint8Array | undefined {
    return this.#publications.any ? this.#publications.take() : undefined;
  }

  /** Takes note of its state now. @returns whether it is another */
  #hasChanged(file: PolledFile): boolean {
    const now = this.#engine.poll(file.asked);
    if (now === file.events) return false;
    file.events = now;
    return true;
  }
}
