// A line while programs have a pty open: opened, fed and read at the pace of both sides, closed after the last of them
// or when the hardware goes. Lives from the first open of the slave to the moment when the line is given back.

import { type Clock, DeviceError, errnoName, type Logger, native } from "@devlift/core";
import { change, giveBack, setUp } from "./hardware.ts";
import { Deferred, interruptible } from "./interruptible.ts";
import type { LineHost, SerialDriver, SerialLine } from "./line.ts";
import { openWhenThere } from "./open-when-there.ts";
import type { Pty } from "./pty.ts";
import { hardwareDiffers, type Termios2 } from "./termios.ts";

const { READABLE, WRITABLE, DISCONNECT } = native.READY;

/** How often the slave's settings are looked at: the kernel does not tell of a change. */
const SETTINGS_MS = 50;
/** How long output may take after the last close: tty_port_init()'s closing_wait. */
const CLOSING_WAIT_MS = 30_000;
/** Chunks carried in one turn of the main loop. */
const BURST = 16;
/** What may wait for programs from a line that does not heed throttle(). */
const BACKLOG_LIMIT = 640 * 1024;

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
  #termios: Termios2;
  /** From programs, not yet taken by the line. */
  #toLine: Uint8Array;
  /** From the line, not yet taken by the pty; oldest first. */
  #toPrograms: Uint8Array[] = [];
  #waiting = 0;
  #throttled = false;
  /** New settings are on their way to the hardware: what programs write now is for them. */
  #configuring = false;
  #failure: unknown;
  #cancelLimit: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;

  constructor(options: PtySessionOptions) {
    this.#options = options;
    this.#toLine = options.written;
    this.#termios = options.pty.termios();
    this.#watch = native.watch(options.pty.master, DISCONNECT, (ready) => this.#ready(ready));
  }

  /** Resolves when the line is given back. @throws what made the pty unusable */
  async run(): Promise<void> {
    const { driver, clock, log } = this.#options;
    const line = await openWhenThere(driver, this, { clock, log, signal: this.#stop.signal });
    if (line !== undefined) {
      await this.#carry(line);
      await giveBack(line, this.#termios, this.#options.log);
    }
    this.#close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Somebody has opened the slave: it may be that nobody had it open before. */
  programsOpened(): void {
    if (this.#line !== undefined || this.#stop.signal.aborted) return;
    this.#cancelLimit?.();
    this.#cancelLimit = undefined;
    this.#watch.update(DISCONNECT);
  }

  /** The daemon ends: whatever is not sent stays so. */
  stop(): void {
    this.#close();
  }

  received(bytes: Uint8Array): void {
    if (this.#stop.signal.aborted) return;
    const used = this.#waiting === 0 ? this.#options.pty.write(bytes) : 0;
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
    const { log, pty } = this.#options;
    if (this.#stop.signal.aborted) return;
    this.#termios = pty.termios();
    await setUp(line, this.#termios, log);
    if (this.#stop.signal.aborted) return;
    this.#cancelLimit?.();
    this.#line = line;
    if (this.#throttled) line.throttle(true);
    this.#lookLater();
    this.#pump();
    await this.#carried.promise;
    if (!this.#stop.signal.aborted) await this.#drain(line);
  }

  #ready(ready: number): void {
    if (ready < 0) this.#fail(new DeviceError("EIO", `the pty cannot be watched: ${errnoName(-ready)}`));
    else if (this.#line === undefined) this.#try(() => this.#programsLeft());
    else {
      const before = this.#waiting;
      this.#pump();
      // A pty that nobody has open counts as writable even when it is full. What waits here then stays for ever; the
      // line says when it goes on.
      if (before > 0 && this.#waiting === before && this.#toLine.length > 0) this.#watch.update(0);
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
    const { pty, clock } = this.#options;
    for (;;) {
      if (this.#toLine.length > 0) {
        this.#watch.update(0);
        this.#cancelLimit ??= clock.after(CLOSING_WAIT_MS, () => this.#close());
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

  #pump(): void {
    if (!this.#stop.signal.aborted) this.#try(() => this.#move());
  }

  /** Carries what can be carried now, in both directions. */
  #move(): void {
    this.#give();
    for (let turn = 0; turn < BURST && this.#send(); turn++) {
      const event = this.#options.pty.next();
      if (event.kind === "closed") {
        this.#watch.update(0);
        this.#carried.resolve();
        return;
      }
      if (event.kind === "quiet") break;
      if (event.kind === "data") this.#toLine = event.bytes;
      else this.#flushed(event);
    }
    if (this.#toLine.length > 0) this.#toLine = this.#toLine.slice();
    this.#look();
    this.#update();
  }

  /** Writes what came from the line to the pty. */
  #give(): void {
    for (let first = this.#toPrograms[0]; first !== undefined; first = this.#toPrograms[0]) {
      const used = this.#options.pty.write(first);
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
    if (this.#configuring) return false;
    if (this.#toLine.length > 0) this.#toLine = this.#toLine.subarray(this.#line?.write(this.#toLine) ?? 0);
    return this.#toLine.length === 0;
  }

  #flushed({ input, output }: { readonly input: boolean; readonly output: boolean }): void {
    if (input) {
      this.#toPrograms = [];
      this.#waiting = 0;
      this.#throttle(false);
    }
    if (output) this.#line?.discardOutput();
  }

  #throttle(on: boolean): void {
    if (this.#throttled === on) return;
    this.#throttled = on;
    this.#line?.throttle(on);
  }

  #update(): void {
    if (this.#line === undefined || this.#stop.signal.aborted) return;
    const reads = this.#toLine.length === 0 && !this.#configuring;
    this.#watch.update((reads ? READABLE : 0) | (this.#waiting > 0 ? WRITABLE : 0));
  }

  #lookLater(): void {
    if (this.#line?.configure === undefined) return;
    this.#cancelLook = this.#options.clock.after(SETTINGS_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  /** Looks for new settings. What was written before goes out with the old ones, as with TCSADRAIN. */
  #look(): void {
    const line = this.#line;
    if (line?.configure === undefined || this.#configuring) return;
    const wanted = this.#options.pty.termios();
    if (!hardwareDiffers(this.#termios, wanted)) return;
    this.#configuring = true;
    void this.#configure(line, wanted).finally(() => {
      this.#configuring = false;
      this.#pump();
    });
  }

  async #configure(line: SerialLine, wanted: Termios2): Promise<void> {
    await this.#drain(line);
    const before = this.#termios;
    this.#termios = wanted;
    try {
      await change(line, before, wanted);
    } catch (error) {
      this.#options.log.warn({ err: error }, "the hardware does not take these settings");
    }
  }

  /** What programs have written goes to the hardware, within the time that there is. */
  async #drain(line: SerialLine): Promise<void> {
    if (line.pendingOutput() === 0) return;
    const limit = new AbortController();
    const cancel = this.#options.clock.after(CLOSING_WAIT_MS, () => limit.abort());
    const enough = AbortSignal.any([this.#stop.signal, limit.signal]);
    try {
      await interruptible(line.drain(enough), enough);
    } catch (error) {
      this.#options.log.debug({ err: error, unsent: line.pendingOutput() }, "not all output was sent");
    } finally {
      cancel();
    }
  }

  #close(): void {
    this.#stop.abort();
    this.#carried.resolve();
    this.#cancelLimit?.();
    this.#cancelLook?.();
    this.#watch.close();
  }
}
