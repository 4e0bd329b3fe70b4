// The output side of an open line: what programs write and what is echoed, processed, in order, at the pace of the
// hardware, and stopped by flow control. Lives as long as the line is open.

import { type WouldBlock, wouldBlock } from "@devlift/core";
import { Deferred, interruptible } from "./interruptible.ts";
import type { SerialLine } from "./line.ts";
import type { FlowControl } from "./line-discipline.ts";
import type { Modes } from "./modes.ts";
import { Output } from "./output.ts";
import type { PortMemory, Request } from "./port-memory.ts";
import { IFLAG } from "./termios.ts";

/** Bytes that are processed at a time. */
const CHUNK = 4096;
const NOTHING = new Uint8Array(0);

export class Transmitter implements FlowControl {
  readonly output: Output;
  readonly #line: SerialLine;
  readonly #modes: Modes;
  readonly #memory: PortMemory;
  readonly #onWritable: () => void;
  /** Processed bytes that the line has not taken yet; they go before anything else. */
  #held: Uint8Array = NOTHING;
  /** For those who wait until nothing is held. */
  #heldSent: Deferred | undefined;
  /** The line took less than it was given, and has not said writable() since. */
  #full = false;
  /** By a STOP character or TCOOFF. */
  #stopped = false;
  /** By TCOOFF: only TCOON ends it. */
  #suspended = false;
  /** Bytes that went to the line, for TIOCGICOUNT. */
  sent = 0;

  constructor(line: SerialLine, modes: Modes, memory: PortMemory, onWritable: () => void) {
    this.#line = line;
    this.#modes = modes;
    this.#memory = memory;
    this.#onWritable = onWritable;
    this.output = new Output(modes);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether TCOOFF has stopped it. */
  get suspended(): boolean {
    return this.#suspended;
  }

  /** Whether a write would take something. */
  get ready(): boolean {
    return !this.#stopped && !this.#full && this.#held.length === 0;
  }

  /** TIOCOUTQ. */
  get pending(): number {
    return this.#held.length + this.#line.pendingOutput();
  }

  /** @returns bytes taken */
  write(data: Uint8Array, request: Request): number | WouldBlock {
    if (data.length === 0) return 0;
    const takenLeft = this.#memory.takenLeft(request);
    if (takenLeft > 0) return Math.min(takenLeft, data.length);
    this.sendEcho();
    if (this.#stopped || !this.#sendHeld()) return wouldBlock;
    if (this.output.processes) {
      const into = new Uint8Array(CHUNK);
      const { used, made } = this.output.process(data, into);
      this.#memory.took(request.id, used);
      this.#send(into.subarray(0, made));
      return used;
    }
    const taken = this.#memory.writes(request.id, () => this.#offer(data));
    return taken > 0 ? taken : wouldBlock;
  }

  /** Sends what is echoed, as far as the line takes it. */
  sendEcho(): void {
    while (!this.#stopped && this.output.echoWaits && this.#sendHeld()) {
      const into = new Uint8Array(CHUNK);
      this.#send(into.subarray(0, this.output.takeEcho(into)));
    }
  }

  /** The line has room again. */
  writable(): void {
    this.#full = false;
    this.#goOn();
  }

  /** Sends a START or STOP character past everything that waits, stopped or not (tty_send_xchar()). */
  sendNow(c: number): void {
    const urgent = Uint8Array.of(c);
    if (this.#offer(urgent) === 0) this.#held = Uint8Array.of(c, ...this.#held);
  }

  stop(): void {
    this.#stopped = true;
  }

  start(): void {
    if (!this.#stopped || this.#suspended) return;
    this.#stopped = false;
    if (this.#sendHeld()) this.#onWritable();
  }

  /** TCOOFF. */
  suspend(): void {
    this.#suspended = true;
    this.#stopped = true;
  }

  /** TCOON. */
  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.start();
    this.sendEcho();
  }

  /** c_iflag was changed, from `before`: who no longer listens to START must not stay stopped. */
  modesChanged(before: number): void {
    if ((before & IFLAG.IXON) !== 0 && !this.#modes.input(IFLAG.IXON)) {
      this.start();
      this.sendEcho();
    }
  }

  discardOutput(): void {
    this.#held = NOTHING;
    this.#full = false;
    this.#line.discardOutput();
    this.#goOn();
  }

  /**
   * Waits until the hardware has everything.
   * @returns undefined when it has already
   */
  drain(signal: AbortSignal): Promise<void> | undefined {
    return this.pending === 0 ? undefined : this.#drain(signal);
  }

  async #drain(signal: AbortSignal): Promise<void> {
    while (this.#held.length > 0) {
      this.#heldSent ??= new Deferred();
      await interruptible(this.#heldSent.promise, signal);
    }
    await this.#line.drain(signal);
  }

  #goOn(): void {
    if (this.#stopped || !this.#sendHeld()) return;
    this.sendEcho();
    this.#onWritable();
  }

  /** @returns true when nothing is held any more */
  #sendHeld(): boolean {
    if (this.#held.length > 0) this.#held = this.#held.subarray(this.#offer(this.#held));
    if (this.#held.length > 0) return false;
    this.#heldSent?.resolve();
    this.#heldSent = undefined;
    return true;
  }

  #send(bytes: Uint8Array): void {
    const taken = this.#offer(bytes);
    this.#held = bytes.subarray(taken);
  }

  #offer(bytes: Uint8Array): number {
    if (this.#full) return 0;
    const taken = this.#line.write(bytes);
    this.#full = taken < bytes.length;
    this.sent += taken;
    return taken;
  }
}
