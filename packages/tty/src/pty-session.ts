// A line while programs have a pty open: opened, fed and read at the pace of both sides, closed after the last of them
// or when the hardware goes. Lives from the first open of the slave to the moment when the line is given back.

import { type Clock, DeviceError, errnoName, type Logger, native } from "@devlift/core";
import { drain, giveBack } from "./hardware.ts";
import { Deferred } from "./interruptible.ts";
import { BACKLOG_LIMIT, CLOSING_WAIT_MS } from "./limits.ts";
import type { LineHost, SerialDriver, SerialLine } from "./line.ts";
import { openWhenThere } from "./open-when-there.ts";
import type { Pty, PtyEvent } from "./pty.ts";
import { PtySettings } from "./pty-settings.ts";

const { READABLE, WRITABLE, DISCONNECT, PRIORITIZED } = native.READY;

/** Chunks carried in one turn of the main loop. */
const BURST = 16;
const NOTHING = new Uint8Array(0);

export interface PtySessionOptions {
  readonly driver: SerialDriver;
  readonly pty: Pty;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read from the pty already. */
  readonly written: Uint8Array;
  /** The hardware has gone: the pty is to be hung up. The session does not touch it any more. */
  onGone(): void;
}

export class PtySession implements LineHost {
  readonly #options: PtySessionOptions;
  readonly #watch: native.Watch;
  /** Aborts what waits: nobody wants it any more, or the hardware is gone. */
  readonly #stop = new AbortController();
  readonly #carried = new Deferred();
  #line: SerialLine | undefined;
  readonly #settings: PtySettings;
  /** From programs, not yet taken by the line. */
  #toLine: Uint8Array;
  /** From the line, not yet taken by the pty; oldest first. */
  #toPrograms: Uint8Array[] = [];
  #waiting = 0;
  #throttled = false;
  /** All that programs wrote is with the line, and nobody has the pty open: what comes now is for the next session. */
  #closing = false;
  #failure: unknown;
  /** Set from the last close on: the end of the time that output has. */
  #cancelLimit: (() => void) | undefined;

  constructor(options: PtySessionOptions) {
    this.#options = options;
    this.#toLine = options.written;
    const { pty, clock, log } = options;
    this.#settings = new PtySettings({ pty, clock, log, signal: this.#stop.signal, onApplied: () => this.#pump() });
    this.#watch = native.watch(options.pty.master, DISCONNECT, (ready) => this.#ready(ready));
  }

  /** Resolves when the line is given back. @throws what made the pty unusable */
  async run(): Promise<void> {
    const { driver, clock, log } = this.#options;
    const line = await openWhenThere(driver, this, { clock, log, signal: this.#stop.signal });
    if (line !== undefined) {
      await this.#carry(line);
      await giveBack(line, this.#settings.termios, log);
    }
    this.#close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Somebody has opened the slave: it may be that nobody had it open before. */
  programsOpened(): void {
    if (this.#closing || this.#stop.signal.aborted) return;
    this.#cancelLimit?.();
    this.#cancelLimit = undefined;
    if (this.#line === undefined) this.#watch.update(DISCONNECT);
    else this.#pump();
  }

  /** The daemon ends: whatever is not sent stays so. */
  stop(): void {
    this.#close();
  }

  received(bytes: Uint8Array): void {
    if (this.#closing || this.#stop.signal.aborted) return;
    const used = this.#waiting === 0 ? (this.#options.pty.write(bytes) ?? 0) : 0;
    if (used === bytes.length) return;
    if (this.#waiting + bytes.length > BACKLOG_LIMIT) {
      this.#options.log.warn({ waiting: this.#waiting }, "input overrun: the line does not stop, bytes are lost");
      return;
    }
    this.#toPrograms.push(bytes.slice(used));
    this.#waiting += bytes.length - used;
    this.#throttle(true);
    this.#update();
  }

  writable(): void {
    if (this.#line !== undefined) this.#pump();
  }

  hangup(): void {
    if (this.#stop.signal.aborted) return;
    this.#close();
    this.#options.onGone();
  }

  /** From the open line to the last close of the slave, or the end. */
  async #carry(line: SerialLine): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    await this.#settings.start(line);
    if (signal.aborted) return;
    this.#line = line;
    if (this.#throttled) line.throttle(true);
    this.#pump();
    await this.#carried.promise;
    const { clock, log } = this.#options;
    if (!signal.aborted) await drain(line, { clock, log, signal });
  }

  #ready(ready: number): void {
    if (ready < 0) this.#fail(new DeviceError("EIO", `the pty cannot be watched: ${errnoName(-ready)}`));
    else if (this.#line === undefined) this.#try(() => this.#programsLeft());
    else {
      // A hang-up alone comes as all that is watched for.
      if ((ready & DISCONNECT) !== 0) this.#startLimit();
      else if ((ready & PRIORITIZED) !== 0) this.#try(() => this.#takeFlush());
      this.#pump();
    }
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#close();
  }

  /** Nobody has the slave open, and the line is not there yet: it is worth waiting for if there is something to send. */
  #programsLeft(): void {
    const { pty } = this.#options;
    for (;;) {
      if (this.#toLine.length > 0) {
        this.#watch.update(0);
        this.#startLimit();
        return;
      }
      const event = pty.next();
      if (event.kind === "quiet") return;
      if (event.kind === "closed") {
        this.#close();
        return;
      }
      if (event.kind === "data") this.#toLine = event.bytes.slice();
    }
  }

  /** The last close was: output has until then. */
  #startLimit(): void {
    this.#cancelLimit ??= this.#options.clock.after(CLOSING_WAIT_MS, () => this.#try(() => this.#giveUp()));
  }

  /** The hardware does not take what is left, and it is not for the next session either. */
  #giveUp(): void {
    this.#options.log.warn({}, "output is thrown away: the hardware has not taken it since the last close");
    let event: PtyEvent | undefined;
    while (!this.#closing && event?.kind !== "closed" && event?.kind !== "quiet") event = this.#options.pty.next();
    this.#close();
  }

  /** A program may have thrown away output while some of it waits for the line. */
  #takeFlush(): void {
    const event = this.#options.pty.next();
    if (event.kind === "flushed") this.#flushed(event);
    else if (event.kind === "data") this.#toLine = Buffer.concat([this.#toLine, event.bytes]);
  }

  #pump(): void {
    if (!this.#closing && !this.#stop.signal.aborted) this.#try(() => this.#move());
  }

  /** Carries what can be carried now, in both directions. */
  #move(): void {
    this.#give();
    for (let turn = 0; turn < BURST && this.#send(); turn++) {
      const event = this.#options.pty.next();
      if (event.kind === "closed") {
        this.#lastClosed();
        return;
      }
      if (event.kind === "quiet") break;
      if (event.kind === "data") this.#toLine = event.bytes;
      else this.#flushed(event);
    }
    if (this.#toLine.length > 0) this.#toLine = this.#toLine.slice();
    this.#settings.look();
    this.#update();
  }

  #lastClosed(): void {
    this.#closing = true;
    this.#watch.update(0);
    this.#settings.stop();
    this.#startLimit();
    this.#carried.resolve();
  }

  /** Writes what came from the line to the pty. */
  #give(): void {
    for (let first = this.#toPrograms[0]; first !== undefined; first = this.#toPrograms[0]) {
      const used = this.#options.pty.write(first);
      if (used === undefined) {
        this.#startLimit();
        return;
      }
      this.#waiting -= used;
      if (used < first.length) {
        this.#toPrograms[0] = first.subarray(used);
        return;
      }
      this.#toPrograms.shift();
    }
    this.#throttle(false);
  }

  /** @returns true when the line has taken all there was, and may get more */
  #send(): boolean {
    if (this.#settings.applying) return false;
    if (this.#toLine.length > 0) this.#toLine = this.#toLine.subarray(this.#line?.write(this.#toLine) ?? 0);
    return this.#toLine.length === 0;
  }

  #flushed({ input, output }: { readonly input: boolean; readonly output: boolean }): void {
    if (input) {
      this.#toPrograms = [];
      this.#waiting = 0;
      this.#throttle(false);
    }
    if (output) {
      this.#toLine = NOTHING;
      this.#line?.discardOutput();
    }
  }

  #throttle(on: boolean): void {
    if (this.#throttled === on) return;
    this.#throttled = on;
    this.#line?.throttle(on);
  }

  #update(): void {
    if (this.#line === undefined || this.#stop.signal.aborted) return;
    const reads = this.#toLine.length === 0 && !this.#settings.applying;
    // A pty that nobody has open stays hung up, and counts as writable even when it is full: the line says when it goes on.
    const left = this.#cancelLimit !== undefined;
    const others = left ? 0 : PRIORITIZED | DISCONNECT | (this.#waiting > 0 ? WRITABLE : 0);
    this.#watch.update(reads ? READABLE | (others & WRITABLE) : others);
  }

  #close(): void {
    this.#stop.abort();
    this.#carried.resolve();
    this.#cancelLimit?.();
    this.#settings.stop();
    this.#watch.close();
  }
}
