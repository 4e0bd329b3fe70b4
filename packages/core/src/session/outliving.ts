// What a daemon of a CUSE device leaves to the next one, in memory that both have: the open files, which the kernel knows
// by a number alone, and the requests that wait for an answer, for kernels that do not send them again. A daemon can die
// at any instruction: an entry is there once its first word is, which is written last and taken back first.
// Lifetime: as long as a daemon serves the device; the memory as long as the device.

import { FUSE_OPCODE } from "../wire/abi.ts";
import type { Call, CallKind } from "./call.ts";
import type { HangUp } from "./file.ts";

/** Changed whenever what follows it is: what a daemon of another layout left cannot be used. */
const LAYOUT = 0x44_56_46_31;
/** Words in front. The first two are the link's: where the request at hand is (`Link.keepIn`). */
const WORD = { atHand: 0, layout: 2, fileSlots: 3, requestSlots: 4 } as const;
const FRONT_WORDS = 1024;
/** More than there are threads (PID_MAX_DEFAULT, include/linux/threads.h), and more files than a driver has open by default. */
const SLOTS = 65536;
const FILE_WORDS = 16;
const REQUEST_WORDS = 4;
const REQUESTS_FROM = FRONT_WORDS + SLOTS * FILE_WORDS;

const OPCODES: Readonly<Partial<Record<CallKind, number>>> = {
  open: FUSE_OPCODE.OPEN,
  release: FUSE_OPCODE.RELEASE,
  read: FUSE_OPCODE.READ,
  write: FUSE_OPCODE.WRITE,
  ioctl: FUSE_OPCODE.IOCTL,
};

/** An open file. */
export interface LeftFile {
  /** What its requests are marked with, from 1. */
  readonly id: number;
  readonly flags: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** The request that opened it. */
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** The kernel's name for who polls it; 0: nobody has. */
  readonly pollHandle: bigint;
  /** Its driver has ended it. */
  readonly hungUp: HangUp | undefined;
}

/** A request that had no answer. */
export interface LeftRequest {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** From 1. */
  readonly opcode: number;
  /** The file's number. */
  readonly fh: number;
}

export class Outliving {
  /** Bytes; mapped memory in which nothing was ever written costs nothing. */
  static readonly SIZE: number = 4 * (REQUESTS_FROM + SLOTS * REQUEST_WORDS);

  readonly #words: Uint32Array;
  readonly #files: Slots;
  readonly #requests: Slots;

  /** @param memory of SIZE bytes, zeroes or what an earlier daemon left, aligned to 4 */
  constructor(memory: Uint8Array<ArrayBuffer>) {
    this.#words = new Uint32Array(memory.buffer, memory.byteOffset, Outliving.SIZE / 4);
    this.#words[WORD.layout] = LAYOUT;
    this.#files = new Slots(this.#words, { used: WORD.fileSlots, from: FRONT_WORDS, size: FILE_WORDS });
    this.#requests = new Slots(this.#words, { used: WORD.requestSlots, from: REQUESTS_FROM, size: REQUEST_WORDS });
    for (const { at, id } of this.#files.taken()) this.#files.know(id, at);
  }

  /** Whether it is what a daemon of this layout left. */
  static isLeft(memory: Uint8Array<ArrayBuffer>): boolean {
    return (
      memory.length >= Outliving.SIZE && new Uint32Array(memory.buffer, memory.byteOffset, 4)[WORD.layout] === LAYOUT
    );
  }

  /** Where in the file of requests the one at hand is, in bytes; 0: there was none. */
  get atHand(): number {
    return (this.#words[WORD.atHand] ?? 0) + (this.#words[WORD.atHand + 1] ?? 0) * 2 ** 32;
  }

  files(): LeftFile[] {
    const word = (at: number) => this.#words[at] ?? 0;
    return this.#files.taken().map(({ at, id }) => ({
      id,
      flags: word(at + 1),
      pid: word(at + 2),
      uid: word(at + 3),
      gid: word(at + 4),
      uniqueLow: word(at + 5),
      uniqueHigh: word(at + 6),
      pollHandle: BigInt(word(at + 7)) | (BigInt(word(at + 8)) << 32n),
      hungUp:
        word(at + 9) === 0 ? undefined : { errno: word(at + 9), readEnds: word(at + 10) !== 0, poll: word(at + 11) },
    }));
  }

  /** The kernel is about to be told that it is open. */
  opened({ file: { id, flags }, caller: { pid, uid, gid }, uniqueLow, uniqueHigh }: Call): void {
    this.#files.put(id, [id, flags, pid, uid, gid, uniqueLow, uniqueHigh, 0, 0, 0, 0, 0]);
  }

  polled(id: number, handle: bigint): void {
    const at = this.#files.placeOf(id);
    if (at === undefined) return;
    this.#words[at + 7] = Number(handle & 0xffff_ffffn);
    this.#words[at + 8] = Number(handle >> 32n);
  }

  hungUp(id: number, { errno, readEnds, poll }: HangUp): void {
    const at = this.#files.placeOf(id);
    if (at === undefined) return;
    this.#words[at + 11] = poll;
    this.#words[at + 10] = Number(readEnds);
    this.#words[at + 9] = errno;
  }

  /** The kernel is about to be told that it is closed. */
  closed(id: number): void {
    this.#files.drop(id);
  }

  requests(): LeftRequest[] {
    const word = (at: number) => this.#words[at] ?? 0;
    return this.#requests
      .taken()
      .map(({ at, id }) => ({ opcode: id, uniqueLow: word(at + 1), uniqueHigh: word(at + 2), fh: word(at + 3) }));
  }

  waits({ kind, key, uniqueLow, uniqueHigh, file }: Call): void {
    this.#requests.put(key, [OPCODES[kind] ?? 0, uniqueLow, uniqueHigh, file.id]);
  }

  answered({ key }: Call): void {
    this.#requests.drop(key);
  }

  /** Those of an earlier daemon have their answers. */
  forgetRequests(): void {
    for (const { at } of this.#requests.taken()) this.#words[at] = 0;
    this.#words[WORD.requestSlots] = 0;
    this.#words.fill(0, WORD.atHand, WORD.layout);
  }
}

interface SlotsPlace {
  /** The word that says how many slots were ever in use. */
  readonly used: number;
  readonly from: number;
  /** Words of a slot. */
  readonly size: number;
}

/** Slots of some words, each taken when its first word is not 0. */
class Slots {
  readonly #words: Uint32Array;
  readonly #place: SlotsPlace;
  readonly #known = new Map<number, number>();
  readonly #free: number[] = [];

  constructor(words: Uint32Array, place: SlotsPlace) {
    this.#words = words;
    this.#place = place;
  }

  /** @returns where each is, and its first word */
  taken(): { at: number; id: number }[] {
    const { used, from, size } = this.#place;
    const count = Math.min(this.#words[used] ?? 0, SLOTS);
    return Array.from({ length: count }, (_, slot) => from + slot * size)
      .map((at) => ({ at, id: this.#words[at] ?? 0 }))
      .filter(({ id }) => id !== 0);
  }

  know(key: number, at: number): void {
    this.#known.set(key, at);
  }

  placeOf(key: number): number | undefined {
    return this.#known.get(key);
  }

  /** Without room it is not kept. */
  put(key: number, values: readonly number[]): void {
    const at = this.#free.pop() ?? this.#next();
    if (at === undefined) return;
    this.#known.set(key, at);
    for (let index = values.length - 1; index >= 0; index--) this.#words[at + index] = values[index] ?? 0;
  }

  drop(key: number): void {
    const at = this.#known.get(key);
    if (at === undefined) return;
    this.#words[at] = 0;
    this.#known.delete(key);
    this.#free.push(at);
  }

  #next(): number | undefined {
    const { used, from, size } = this.#place;
    const slot = this.#words[used] ?? 0;
    if (slot >= SLOTS) return undefined;
    this.#words[used] = slot + 1;
    return from + slot * size;
  }
}
