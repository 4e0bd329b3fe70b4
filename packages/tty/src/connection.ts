// One life of a port's line: from the first open(2) that asks for it to the last close, the hang-up, or the failure of
// that open. While the hardware is being opened, several openers may wait for it; after that it has open files. It is
// over exactly once; after that nothing can be opened on it, and when its hardware is given back the next may begin.

import { type Clock, DeviceError, type Logger, type OpenFile } from "@devlift/core";
import { giveBack, setUp } from "./hardware.ts";
import { interruptible } from "./interruptible.ts";
import type { LineHost, SerialDriver, SerialLine } from "./line.ts";
import { LineDiscipline } from "./line-discipline.ts";
import { Modem } from "./modem.ts";
import { Modes } from "./modes.ts";
import type { PortMemory } from "./port-memory.ts";
import { Receiver } from "./receiver.ts";
import { CFLAG, type Termios2 } from "./termios.ts";
import { Transmitter } from "./transmitter.ts";

export interface ConnectionOptions {
  readonly driver: SerialDriver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly termios: Termios2;
  /** Of the opener that begins it. */
  readonly nonBlocking: boolean;
  readonly memory: PortMemory;
  /** An earlier daemon had the line open. */
  readonly goesOn: boolean;
  /** It is over, `gone`: because the hardware is. `closed` resolves when the hardware is given back. */
  onOver(gone: boolean, closed: Promise<void>): void;
}

/** How an opener waits. */
export interface Joining {
  readonly nonBlocking: boolean;
  readonly signal: AbortSignal;
}

/** How long the last close waits for output. */
export interface Leaving {
  readonly signal: AbortSignal;
  /** Milliseconds; 0: not at all, Infinity: for ever. */
  readonly waitMs: number;
}

/** An open line with what the port does for it. */
export interface LiveLine {
  readonly line: SerialLine;
  readonly transmitter: Transmitter;
  readonly discipline: LineDiscipline;
  readonly receiver: Receiver;
  readonly modem: Modem | undefined;
}

export class Connection implements LineHost {
  readonly modes: Modes;
  readonly #options: ConnectionOptions;
  readonly #files = new Set<OpenFile>();
  /** Openers that wait for the hardware, or for a carrier. */
  #waiting = 0;
  /** Ends the opening of hardware that nobody waits for, and waits for hardware that is gone. */
  readonly #stop = new AbortController();
  #live: LiveLine | undefined;
  /** Bytes that the line gave before its open() was over. */
  readonly #early: Uint8Array[] = [];
  #over = false;
  readonly #opened: Promise<void>;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.modes = new Modes(options.termios);
    // Not before the port has this connection: a line may hang up while it is being opened.
    this.#opened = Promise.resolve().then(() => this.#open());
    // Every opener that waits hears of a failure.
    this.#opened.catch(() => this.#end(false, () => this.#close()));
  }

  /** @throws DeviceError("EIO") when the line is not open */
  get live(): LiveLine {
    if (this.#live === undefined) throw new DeviceError("EIO", "the port is hung up");
    return this.#live;
  }

  /**
   * Waits for the line, and unless O_NONBLOCK or CLOCAL for a carrier; then the file belongs to this connection.
   * @throws DeviceError EINTR, ENODEV when the hardware went meanwhile, or what the driver's open() threw
   */
  async join(file: OpenFile, how: Joining): Promise<void> {
    this.#waiting++;
    try {
      await interruptible(this.#opened, how.signal);
      if (!how.nonBlocking && !this.modes.control(CFLAG.CLOCAL)) await this.#carrier(how.signal);
      if (this.#over) throw gone();
      this.#files.add(file);
    } finally {
      this.#waiting--;
      this.#endWhenUnused(() => this.#close());
    }
  }

  /** A file is closed. After the last one it resolves when the line is closed. */
  async leave(file: OpenFile, how: Leaving): Promise<void> {
    this.#files.delete(file);
    await this.#endWhenUnused(async () => {
      await this.#finishOutput(how);
      await this.#close();
    });
  }

  async leaveLine(): Promise<void> {
    await this.#live?.line.leave?.();
  }

  wakeReaders(): void {
    for (const file of this.#files) file.readable();
  }

  wakeWriters(): void {
    for (const file of this.#files) file.writable();
  }

  received(bytes: Uint8Array): void {
    if (this.#over) return;
    if (this.#live === undefined) this.#early.push(bytes.slice());
    else this.#live.receiver.receive(bytes);
  }

  writable(): void {
    this.#live?.transmitter.writable();
  }

  hangup(): void {
    this.#hangup(true);
  }

  modemChanged(): void {
    this.#live?.modem?.refresh().catch((error: unknown) => {
      this.#options.log.warn({ err: error }, "the modem lines cannot be read");
    });
  }

  async #open(): Promise<void> {
    const { driver, nonBlocking, log, clock, memory, goesOn } = this.#options;
    if (!goesOn) memory.beginLine();
    const line = await driver.open(this, { nonBlocking, signal: this.#stop.signal, memory, goesOn });
    const { modes } = this;
    const transmitter = new Transmitter(line, modes, memory, () => this.wakeWriters());
    const discipline = new LineDiscipline(modes, transmitter.output, transmitter, memory);
    const now = () => clock.now();
    const onReadable = () => this.wakeReaders();
    const receiver = new Receiver({ line, modes, discipline, transmitter, memory, log, now, onReadable });
    const modem = line.modem === undefined ? undefined : new Modem(line.modem, () => this.#carrierLost());
    this.#live = { line, transmitter, discipline, receiver, modem };
    if (this.#over) throw gone();
    // What an earlier daemon had no room for.
    receiver.refill();
    for (const bytes of this.#early.splice(0)) receiver.receive(bytes);
    await setUp(line, modes.termios, log);
    await modem?.start();
    if (this.#over) throw gone();
  }

  async #carrier(signal: AbortSignal): Promise<void> {
    await this.#live?.modem?.carrier(AbortSignal.any([signal, this.#stop.signal]));
  }

  #carrierLost(): void {
    if (!this.modes.control(CFLAG.CLOCAL)) this.#hangup(false);
  }

  #hangup(isGone: boolean): void {
    this.#stop.abort();
    if (this.#over) return;
    void this.#end(isGone, () => this.#close());
    for (const file of [...this.#files]) file.hangup();
  }

  async #endWhenUnused(work: () => Promise<void>): Promise<void> {
    if (this.#over || this.#waiting > 0 || this.#files.size > 0) return;
    if (this.#live === undefined) this.#stop.abort();
    await this.#end(false, work);
  }

  async #end(isGone: boolean, work: () => Promise<void>): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const closed = work();
    this.#options.onOver(isGone, closed);
    await closed;
  }

  /** What is written shall reach the hardware, within the time that there is. */
  async #finishOutput({ signal, waitMs }: Leaving): Promise<void> {
    const { transmitter } = this.live;
    if (transmitter.suspended) transmitter.discardOutput();
    if (waitMs <= 0) return;
    const limit = new AbortController();
    const cancel = waitMs < Infinity ? this.#options.clock.after(waitMs, () => limit.abort()) : undefined;
    const enough = AbortSignal.any([signal, limit.signal, this.#stop.signal]);
    try {
      const draining = transmitter.drain(enough);
      if (draining !== undefined) await interruptible(draining, enough);
    } catch (error) {
      this.#options.log.debug({ err: error, unsent: transmitter.pending }, "closed before all output was sent");
    } finally {
      cancel?.();
    }
  }

  /** Gives the hardware back, once its open() is over. */
  async #close(): Promise<void> {
    await this.#opened.catch(() => undefined);
    if (this.#live !== undefined) await giveBack(this.#live.line, this.modes.termios, this.#options.log);
  }
}

function gone(): DeviceError {
  return new DeviceError("ENODEV", "the hardware went while the port was being opened");
}
