// The input side of an open line: bytes from the hardware on their way into the line discipline, and the brake on the
// hardware when programs do not read. Lives as long as the line is open.

import { type Logger, WouldBlock } from "@devlift/core";
import { BACKLOG_LIMIT } from "./limits.ts";
import type { SerialLine } from "./line.ts";
import type { LineDiscipline } from "./line-discipline.ts";
import type { Modes } from "./modes.ts";
import { fromRing, type PortMemory, type Request, toRing } from "./port-memory.ts";
import { CC, DISABLED, IFLAG } from "./termios.ts";
import type { Transmitter } from "./transmitter.ts";

export interface ReceiverParts {
  readonly line: SerialLine;
  readonly modes: Modes;
  readonly discipline: LineDiscipline;
  readonly transmitter: Transmitter;
  readonly memory: PortMemory;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly onReadable: () => void;
}

/** What of a read's call is the receiver's to know. */
export interface ReadRequest extends Request {
  readonly length: number;
  readonly nonBlocking: boolean;
  readonly waitedMs: number;
}

export class Receiver {
  readonly #parts: ReceiverParts;
  #throttled = false;
  #lastAt = 0;
  #overrun = false;
  /** Bytes that came from the line, and those that were lost, for TIOCGICOUNT. */
  received = 0;
  lost = 0;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  receive(bytes: Uint8Array): void {
    this.received += bytes.length;
    const used = this.#backlogBytes === 0 ? this.#parts.discipline.receive(bytes) : 0;
    if (used < bytes.length) this.#keep(bytes.subarray(used));
    this.#parts.memory.at.received += bytes.length;
    this.#parts.memory.commit();
    if (!this.#throttled && (this.#backlogBytes > 0 || this.#parts.discipline.crowded)) this.#throttle(true);
    if (used > 0) this.#came();
  }

  /** @returns bytes that are valid until the next receive() */
  read(call: ReadRequest): Uint8Array | WouldBlock {
    const { memory } = this.#parts;
    const left = memory.answerLeft(call);
    if (left !== undefined) return left;
    const { length, nonBlocking, waitedMs } = call;
    const from = memory.at.tail;
    const answer = this.#parts.discipline.read(length, { nonBlocking, waitedMs, idleMs: this.#idleMs });
    if (answer instanceof WouldBlock) return answer;
    memory.reads(call.id, from, answer.length);
    if (!this.#waits) return answer;
    const bytes = answer.slice();
    this.refill();
    return bytes;
  }

  /** Reading, flushing or new settings have made room, perhaps. */
  refill(): void {
    const { discipline, memory } = this.#parts;
    const used = discipline.receive(fromRing(memory.backlog, memory.at.backlogTail, this.#backlogBytes));
    memory.at.backlogTail += used;
    memory.commit();
    if (used > 0) this.#came();
    if (this.#throttled && this.#backlogBytes === 0 && this.#parts.discipline.roomy) this.#throttle(false);
  }

  flush(): void {
    const { at } = this.#parts.memory;
    at.backlogTail = at.backlogHead;
    this.#overrun = false;
    this.#parts.discipline.flush();
    this.refill();
  }

  get #idleMs(): number {
    return this.#parts.now() - this.#lastAt;
  }

  /** Bytes that did not fit. */
  get #backlogBytes(): number {
    const { at } = this.#parts.memory;
    return at.backlogHead - at.backlogTail;
  }

  /** Something waits for room, here or in the hardware. */
  get #waits(): boolean {
    return this.#throttled || this.#backlogBytes > 0;
  }

  /** Bytes went through the line discipline. */
  #came(): void {
    const { discipline, transmitter, onReadable } = this.#parts;
    this.#lastAt = this.#parts.now();
    transmitter.sendEcho();
    if (discipline.readableBytes > 0 || discipline.pollsReadable) onReadable();
  }

  #keep(bytes: Uint8Array): void {
    if (this.#backlogBytes + bytes.length <= BACKLOG_LIMIT) {
      const { backlog, at } = this.#parts.memory;
      toRing(backlog, at.backlogHead, bytes);
      at.backlogHead += bytes.length;
      return;
    }
    this.lost += bytes.length;
    if (!this.#overrun)
      this.#parts.log.warn({ waiting: this.#backlogBytes }, "input overrun: the line does not stop, bytes are lost");
    this.#overrun = true;
  }

  #throttle(on: boolean): void {
    const { modes, line, transmitter } = this.#parts;
    this.#throttled = on;
    if (modes.input(IFLAG.IXOFF)) {
      const c = modes.character(on ? CC.VSTOP : CC.VSTART);
      if (c !== DISABLED) transmitter.sendNow(c);
    }
    line.throttle(on);
  }
}
