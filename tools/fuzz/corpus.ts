// Makes messages: valid ones for every row of wire/opcodes.ts, and what a broken or hostile kernel would make of them.
// An opcode without a filler here gets a body of random small words, so a new row of the table is in the corpus at once.

import { InternalError } from "../../packages/core/src/errors.ts";
import { OPCODES } from "../../packages/core/src/wire/opcodes.ts";
import { COMMANDS, openFlags } from "./driver.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Rig } from "./rig.ts";

const HEADER = 40;
const O_NONBLOCK = 0o4000;
/** In flight and open at most, by and large: beyond that more interrupts and releases are sent. */
const CROWD = 40;
const MANY_OPENS = 12;
/** Numbers of the latest requests, to be interrupted or used again. */
const REMEMBERED = 64;
const LARGEST = 128 * 1024;

const UNRESTRICTED = 2;
/** FUSE_IOCTL_UNRESTRICTED with COMPAT and 32BIT, and with COMPAT_X32: what the kernel says of the three data models. */
const MODELS = [
  { model: "lp64", flags: UNRESTRICTED },
  { model: "ilp32", flags: UNRESTRICTED | 1 | 8 },
  { model: "x32", flags: UNRESTRICTED | 1 | 8 | 32 },
] as const;

const IOCTLS = Object.values(COMMANDS).flatMap((command) =>
  MODELS.map(({ model, flags }) => ({ number: command.number(model), flags })),
);

/** How often each is sent, of WEIGHT in all; what is missing here and in the table of opcodes is sent seldom. */
const WEIGHTS: Readonly<Record<string, number>> = {
  READ: 24,
  WRITE: 20,
  IOCTL: 26,
  POLL: 8,
  INTERRUPT: 14,
  OPEN: 4,
  RELEASE: 3,
};
const SCHEDULE = OPCODES.flatMap((row) => Array.from({ length: WEIGHTS[row.name] ?? 1 }, () => row));
const BY_NAME = new Map<string, (typeof OPCODES)[number]>(OPCODES.map((row) => [row.name, row]));

export class Corpus {
  readonly #random: Random;
  readonly #rig: Rig;
  readonly #ledger: Ledger;
  /** The kernel counts requests in twos (FUSE_REQ_ID_STEP); numbers go beyond 32 bits in some sessions. */
  #unique: number;
  readonly #recent: number[] = [];
  readonly #fillers: Readonly<Record<string, (view: DataView) => number>>;

  constructor(rig: Rig, random: Random) {
    this.#rig = rig;
    this.#ledger = rig.ledger;
    this.#random = random;
    this.#unique = random.oneIn(2) ? 0 : 2 ** 32 - 20_000;
    this.#fillers = {
      OPEN: (view) => this.#open(view),
      RELEASE: (view) => this.#file(view, 24),
      READ: (view) => this.#read(view),
      WRITE: (view) => this.#write(view),
      IOCTL: (view) => this.#ioctl(view),
      POLL: (view) => this.#poll(view),
      INTERRUPT: (view) => this.#interrupt(view),
      CUSE_INIT: (view) => this.#words(view, 16),
      INIT: (view) => this.#init(view),
    };
  }

  /** Puts the next message into the session's buffer. @returns its length */
  next(): number {
    const view = this.#rig.view();
    const random = this.#random;
    if (random.oneIn(64)) return this.#noise(view);
    const row = this.#row();
    const body = this.#fillers[row.name]?.(view) ?? this.#anyBody(view, row.argumentSize);
    const length = HEADER + body;
    this.#header(view, length, row.code);
    return random.oneIn(8) ? this.#mutate(view, length) : length;
  }

  #row(): (typeof OPCODES)[number] {
    const { due, opens } = this.#ledger;
    const urgent =
      due.size > CROWD && this.#random.oneIn(4)
        ? "INTERRUPT"
        : opens.length > MANY_OPENS && this.#random.oneIn(4)
          ? "RELEASE"
          : opens.length < 3 && this.#random.oneIn(4)
            ? "OPEN"
            : undefined;
    const row = (urgent === undefined ? undefined : BY_NAME.get(urgent)) ?? this.#random.pick(SCHEDULE);
    if (row === undefined) throw new InternalError("the table of opcodes is empty");
    return row;
  }

  #header(view: DataView, length: number, opcode: number): void {
    this.#unique += 2;
    this.#number(view, length, opcode);
    view.setUint32(8, this.#unique, true);
    view.setUint32(12, this.#unique / 2 ** 32, true);
    this.#recent[(this.#unique / 2) % REMEMBERED] = this.#unique;
  }

  #number(view: DataView, length: number, opcode: number): void {
    view.setUint32(0, length, true);
    view.setUint32(4, opcode, true);
    for (let at = 16; at < HEADER; at += 4) view.setUint32(at, 0, true);
    view.setUint32(24, 1000, true);
    view.setUint32(32, 4242, true);
  }

  // --- valid bodies; each returns its length ---

  #file(view: DataView, size: number): number {
    for (let at = 4; at < size; at += 4) view.setUint32(HEADER + at, 0, true);
    view.setUint32(HEADER, this.#random.pick(this.#ledger.opens) ?? 1, true);
    return size;
  }

  #open(view: DataView): number {
    const random = this.#random;
    const openMode = random.oneIn(3) ? random.below(256) : 31;
    const releaseMode = random.oneIn(3) ? random.below(16) : 15;
    // O_TRUNC is 0x200; the driver's poll takes all three as modes of its own.
    const more = random.oneIn(8) ? random.next() & 0x700 : 0;
    const flags = openFlags(openMode, releaseMode) | (random.oneIn(4) ? O_NONBLOCK : 0) | more | 2;
    view.setUint32(HEADER, flags, true);
    view.setUint32(HEADER + 4, 0, true);
    return 8;
  }

  #read(view: DataView): number {
    this.#file(view, 40);
    const random = this.#random;
    view.setUint32(HEADER + 16, random.oneIn(100) ? random.next() : random.below(4096), true);
    view.setUint32(HEADER + 32, random.oneIn(4) ? O_NONBLOCK : 0, true);
    return 40;
  }

  #write(view: DataView): number {
    this.#file(view, 40);
    const random = this.#random;
    const size = random.oneIn(2000) ? LARGEST - random.below(2) : random.below(random.oneIn(50) ? 4096 : 24);
    view.setUint32(HEADER + 16, size, true);
    view.setUint32(HEADER + 32, random.oneIn(4) ? O_NONBLOCK : 0, true);
    if (size > 0) view.setUint8(HEADER + 40, random.next());
    if (size > 1) view.setUint8(HEADER + 41 + random.below(size - 1), random.next());
    return 40 + size;
  }

  #poll(view: DataView): number {
    this.#file(view, 24);
    // The kernel's handle is one a file: here the file's own, far up.
    view.setUint32(HEADER + 8, view.getUint32(HEADER, true), true);
    view.setUint32(HEADER + 12, 1, true);
    view.setUint32(HEADER + 16, this.#random.oneIn(3) ? 0 : 1, true);
    view.setUint32(HEADER + 20, 5, true);
    return 24;
  }

  #interrupt(view: DataView): number {
    // Of the latest requests, in flight or finished; or of the oldest in flight.
    const oldest = this.#random.oneIn(3) ? this.#ledger.due.keys().next().value : undefined;
    const unique = oldest ?? this.#random.pick(this.#recent) ?? 0;
    view.setUint32(HEADER, unique, true);
    view.setUint32(HEADER + 4, unique / 2 ** 32, true);
    return 8;
  }

  /** The first round of an ioctl, or what the session asked for in one before. */
  #ioctl(view: DataView): number {
    this.#file(view, 32);
    const random = this.#random;
    const going = random.oneIn(4) ? undefined : this.#ledger.continuations.pop();
    if (going === undefined) {
      const ioctl = random.pick(IOCTLS);
      view.setUint32(HEADER + 8, ioctl?.flags ?? 0, true);
      view.setUint32(HEADER + 12, ioctl?.number ?? 0, true);
      view.setUint32(HEADER + 16, random.oneIn(16) ? 0 : random.next() & 0xffff, true);
      return 32;
    }
    view.setUint32(HEADER, going.fh, true);
    view.setUint32(HEADER + 8, going.flags, true);
    view.setUint32(HEADER + 12, going.command, true);
    view.setUint32(HEADER + 16, 0x1000, true);
    view.setUint32(HEADER + 24, going.inSize, true);
    view.setUint32(HEADER + 28, going.outSize, true);
    this.#ledger.continues(going);
    return 32 + this.#clientMemory(view, HEADER + 32, going.inSize);
  }

  /** Mostly small numbers, as lengths and pointers that can be followed are. */
  #clientMemory(view: DataView, from: number, size: number): number {
    const random = this.#random;
    for (let at = 0; at < size; at += 4) {
      const word = random.oneIn(12) ? random.next() : random.next() & 3;
      if (at + 4 <= size) view.setUint32(from + at, word, true);
      else for (let rest = at; rest < size; rest++) view.setUint8(from + rest, word);
    }
    return size;
  }

  #words(view: DataView, size: number): number {
    for (let at = 0; at < size; at += 4) view.setUint32(HEADER + at, this.#random.below(9), true);
    return size;
  }

  /** Of a FUSE mount: protocol 7, a minor before or after the last that changed anything. */
  #init(view: DataView): number {
    this.#words(view, 64);
    view.setUint32(HEADER, 7, true);
    view.setUint32(HEADER + 4, this.#random.oneIn(4) ? this.#random.below(50) : 41, true);
    return 64;
  }

  /** For opcodes that have no filler: a fixed argument whose first field may be a file, and perhaps a name. */
  #anyBody(view: DataView, argumentSize: number): number {
    const random = this.#random;
    const more = random.oneIn(2) ? random.below(64) : 0;
    const size = this.#clientMemory(view, HEADER, argumentSize + more);
    if (random.oneIn(2) && argumentSize >= 8) this.#file(view, 8);
    if (more > 0) view.setUint8(HEADER + size - 1, 0);
    return size;
  }

  // --- what is not valid ---

  /** Random bytes; half of them with a header that is let through. */
  #noise(view: DataView): number {
    const random = this.#random;
    const length = random.below(160);
    for (let at = 0; at < length; at += 4) view.setUint32(at, random.next(), true);
    if (random.oneIn(2) && length >= HEADER)
      this.#header(view, length, random.oneIn(2) ? random.below(64) : random.next());
    return length;
  }

  /** @returns the new length */
  #mutate(view: DataView, length: number): number {
    const random = this.#random;
    const body = length - HEADER;
    switch (random.below(12)) {
      case 0: // cut off, and the header knows
        view.setUint32(0, HEADER + random.below(body + 1), true);
        return view.getUint32(0, true);
      case 1: // cut off, and the header does not
        return random.below(length + 1);
      case 2: // a length that is not the message's
        view.setUint32(0, random.oneIn(2) ? random.next() : length + random.below(9) - 4, true);
        return length;
      case 3: // longer than its argument
        return this.#grow(view, length, random.below(300));
      case 4: // another opcode for the same body
        view.setUint32(4, random.pick(OPCODES)?.code ?? 0, true);
        return length;
      case 5: // an opcode that nobody knows
        view.setUint32(4, random.oneIn(2) ? random.below(128) : random.next(), true);
        return length;
      case 6: // a file that is not open
        if (body >= 4) view.setUint32(HEADER, random.oneIn(2) ? random.next() : random.below(100), true);
        return length;
      case 7: // a handle beyond 32 bits
        if (body >= 8) view.setUint32(HEADER + 4, random.next() & 7, true);
        return length;
      case 8: {
        // a number that was used before
        const unique = random.pick(this.#recent) ?? 2;
        view.setUint32(8, unique, true);
        view.setUint32(12, unique / 2 ** 32, true);
        return length;
      }
      case 9: // sizes of an ioctl
        if (body >= 32)
          view.setUint32(
            HEADER + (random.oneIn(2) ? 24 : 28),
            random.oneIn(2) ? random.next() : random.below(200),
            true,
          );
        return length;
      default: // some bytes
        for (let n = 1 + random.below(4); n > 0; n--) view.setUint8(16 + random.below(length - 16), random.next());
        return length;
    }
  }

  #grow(view: DataView, length: number, by: number): number {
    const grown = Math.min(length + by, view.byteLength);
    view.setUint32(0, grown, true);
    return grown;
  }
}
