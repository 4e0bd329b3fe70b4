// A serial driver behind a pseudoterminal instead of a device file of ours: the kernel does termios, reads, poll and
// signals, and this host carries bytes between the pty and the line. Needs no privilege.
// A PtyHost lives as long as it serves: one link, one pty at a time (a new one after each hang-up), and one session
// while programs have the pty open.
//
// What it cannot do, because the kernel neither tells nor asks: refuse an open (a program waits for hardware that is not
// there), delay tcdrain(3) and close(2), send a break, or know of the opens and closes of single programs.

import { closeSync } from "node:fs";
import {
  type Channel,
  type Clock,
  type Logger,
  type NodePermissions,
  native,
  nowServed,
  silent,
  systemClock,
} from "@devlift/core";
import type { SerialDriver } from "./line.ts";
import { Pty } from "./pty.ts";
import { PtyLink } from "./pty-link.ts";
import { PtySession } from "./pty-session.ts";

export interface ServePtyOptions {
  /** Path of the link by which programs find the port. */
  readonly link: string;
  /** Default: logs nowhere. */
  readonly log?: Logger;
  /** Owner and mode of the pty. What is left out stays as the kernel made it: this user's, and mode 620. */
  readonly permissions?: NodePermissions;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

interface Opened {
  readonly pty: Pty;
  readonly inotify: number;
  readonly watch: native.Watch;
}

const NOTHING = new Uint8Array(0);

class PtyHost implements Channel {
  readonly path: string;
  readonly ended: Promise<Error | undefined>;
  readonly #driver: SerialDriver;
  readonly #options: ServePtyOptions;
  readonly #log: Logger;
  readonly #link: PtyLink;
  #opened: Opened;
  #session: PtySession | undefined;
  #running: Promise<void> = Promise.resolve();
  #over = false;
  #end: (error: Error | undefined) => void = () => undefined;

  constructor(driver: SerialDriver, link: PtyLink, options: ServePtyOptions) {
    this.#driver = driver;
    this.#link = link;
    this.#options = options;
    this.#log = options.log ?? silent;
    this.path = link.path;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#opened = this.#openPty();
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  async close(): Promise<void> {
    this.#finish(undefined);
    await this.ended;
  }

  #openPty(): Opened {
    const pty = new Pty(this.#options.permissions ?? {});
    let inotify: number | undefined;
    let watch: native.Watch | undefined;
    try {
      inotify = native.inotifyOpen(pty.slavePath, native.INOTIFY.IN_OPEN);
      const fd = inotify;
      watch = native.watch(fd, native.READY.READABLE, () => this.#slaveOpened(fd));
      this.#link.point(pty.slavePath);
      this.#log.info({ link: this.path, pty: pty.slavePath }, "the port is a pty");
      return { pty, inotify, watch };
    } catch (error) {
      watch?.close();
      if (inotify !== undefined) closeSync(inotify);
      pty.close();
      throw error;
    }
  }

  #closePty({ pty, inotify, watch }: Opened): void {
    watch.close();
    closeSync(inotify);
    pty.close();
  }

  /** Events may stand for several opens, and come late: what is there now is asked of the pty. */
  #slaveOpened(inotify: number): void {
    const events = new Uint8Array(4096);
    while (native.read(inotify, events) > 0);
    if (this.#session === undefined) this.#look();
    else this.#session.programsOpened();
  }

  /** Begins a session if programs have the pty open, or have left something in it. */
  #look(): void {
    if (this.#over || this.#session !== undefined) return;
    try {
      const written = this.#written();
      if (written !== undefined) this.#begin(written);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What programs have written; undefined when nobody has the pty open and nothing is left in it. */
  #written(): Uint8Array | undefined {
    for (;;) {
      const event = this.#opened.pty.next();
      if (event.kind === "closed") return undefined;
      if (event.kind === "data") return event.bytes.slice();
      if (event.kind === "quiet") return NOTHING;
    }
  }

  #begin(written: Uint8Array): void {
    const { pty } = this.#opened;
    const log = this.#log;
    const clock = this.#options.clock ?? systemClock;
    const onGone = () => this.#hangup();
    const session = new PtySession({ driver: this.#driver, pty, clock, log, written, onGone });
    log.debug({}, "a program has opened the port");
    this.#session = session;
    this.#running = session.run().then(() => {
      log.debug({}, "the port is closed");
      this.#session = undefined;
      if (!this.#over) this.#next();
    });
    this.#running.catch((error: unknown) => this.#fail(error));
  }

  /** After a session: what nobody has read is not for the next program, which may be here already. */
  #next(): void {
    const { pty } = this.#opened;
    const written = this.#written();
    try {
      if (written === undefined) pty.renew();
      else pty.flushInput();
    } catch (error) {
      this.#log.debug({ err: error }, "the pty does not let its daemon in");
      if (written === undefined) this.#replace();
    }
    if (written === undefined) this.#look();
    else this.#begin(written);
  }

  /** The hardware is gone. */
  #hangup(): void {
    if (this.#over) return;
    this.#log.info({}, "the hardware has gone: programs that have the port open are hung up");
    this.#replace();
  }

  /** Who has the pty open is hung up, and who comes gets a new one. */
  #replace(): void {
    const old = this.#opened;
    try {
      this.#opened = this.#openPty();
      this.#closePty(old);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#log.error({ err: error }, "the pty cannot be served any more");
    this.#finish(error instanceof Error ? error : new TypeError(String(error)));
  }

  #finish(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#session?.stop();
    this.#link.remove();
    this.#closePty(this.#opened);
    const end = () => this.#end(error);
    this.#running.then(end, end);
  }
}

/**
 * Serves a driver as a pty with a link at a path.
 * @throws UsageError when the link cannot stand there: another daemon serves it, or something else is there
 */
export async function servePty(driver: SerialDriver, options: ServePtyOptions): Promise<Channel> {
  const link = await PtyLink.claim(options.link);
  try {
    const host = new PtyHost(driver, link, options);
    const gone = nowServed({ path: host.path, channel: "pty", requests: undefined, isOpen: () => host.isOpen });
    void host.ended.then(gone);
    return host;
  } catch (error) {
    link.remove();
    throw error;
  }
}
