// Transfers of one open device in memory that outlives the process: of each the struct that usbfs was given, its bytes,
// and how far it has come. Whoever has the memory next, at the same address, can tell of each what became of it, at
// whatever instruction the process before has died:
//
//   FREE       nothing is there
//   PREPARED   it is filled in, and may or may not have been submitted: of one transfer at most
//   SUBMITTED  usbfs has it
//   and reaped, whatever the state: usbfs has written its status, which it does once. Where its bytes then belong in the
//   endpoint's stream (`position`) is written before they are given to anybody, so that whoever keeps count of bytes knows
//   whether they have been taken.
//
// Lifetime: a Slots is one view of the memory, of one open device.

import type { Urb } from "../urb.ts";
import { URB, URB_TYPE } from "./abi.ts";

/** Twice what a line has under way, as a slot is free again only in the next turn of the event loop. */
const SLOTS = 48;
/** Bytes of a transfer, the setup packet included. */
export const MOST_BYTES = 4096;
/** "DVU1", changed whenever what follows it is: a process of another version cannot use what this one leaves. */
const LAYOUT = 0x44_56_55_31;
/** In front of the slots: where usbfs writes which transfer it was, and the layout. */
const FRONT = 64;
const LAYOUT_AT = 8;
const RECORD = 64;
const HEAD = RECORD + 64;
const SLOT = HEAD + MOST_BYTES;
const SETUP = 8;

/** Bytes of memory that a Slots needs, where processes have 64 bits: other layouts are not known here. */
export const KEEPER_SIZE: number = FRONT + SLOTS * SLOT;

const STATE = { FREE: 0, PREPARED: 1, SUBMITTED: 2 } as const;
/** A status that no transfer has. */
const PENDING = 0x7fff_ffff;
/** A position of bytes that nobody was given. */
const NOWHERE = -1;

export class Slots {
  readonly all: readonly Slot[];
  /** For USBDEVFS_REAPURBNDELAY. */
  readonly reapedAt: bigint;
  readonly #reaped: BigUint64Array;
  readonly #layout: Uint32Array;
  #number = 0;

  /** @param address of the memory's first byte */
  constructor(memory: Uint8Array<ArrayBuffer>, address: bigint) {
    this.reapedAt = address;
    this.#reaped = new BigUint64Array(memory.buffer, memory.byteOffset, 1);
    this.#layout = new Uint32Array(memory.buffer, memory.byteOffset + LAYOUT_AT, 1);
    this.all = Array.from({ length: SLOTS }, (_, index) => {
      const at = FRONT + index * SLOT;
      return new Slot(memory.subarray(at, at + SLOT), address + BigInt(at));
    });
    for (const { isFree, number } of this.all) if (!isFree) this.#number = Math.max(this.#number, number);
  }

  clear(): void {
    for (const slot of this.all) slot.free();
    this.#layout[0] = LAYOUT;
  }

  /** They are those of a process of this version. */
  get areKnown(): boolean {
    return this.#layout[0] === LAYOUT;
  }

  /** What is not free, as it was submitted. */
  used(): Slot[] {
    return this.all.filter((slot) => !slot.isFree).sort((a, b) => a.number - b.number);
  }

  /** Fills in a free slot. @returns undefined where there is none */
  prepare(urb: Urb): Slot | undefined {
    const slot = this.all.find(({ isFree }) => isFree);
    slot?.prepare(urb, ++this.#number);
    return slot;
  }

  /** The slot whose address usbfs has written. */
  reaped(): Slot | undefined {
    const [address] = this.#reaped;
    return this.all.find((slot) => slot.urbAddress === address);
  }
}

export class Slot {
  /** What usbfs knows it by. */
  readonly urbAddress: bigint;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #urb: DataView;
  readonly #bufferAddress: bigint;

  constructor(memory: Uint8Array<ArrayBuffer>, address: bigint) {
    const { buffer, byteOffset } = memory;
    this.#words = new Int32Array(buffer, byteOffset, 2);
    this.#numbers = new Float64Array(buffer, byteOffset + 8, 2);
    this.#urb = new DataView(buffer, byteOffset + RECORD, URB.size);
    this.#bytes = memory.subarray(HEAD);
    this.urbAddress = address + BigInt(RECORD);
    this.#bufferAddress = address + BigInt(HEAD);
  }

  get isFree(): boolean {
    return this.#state === STATE.FREE;
  }

  /** Whether usbfs has it is not known. */
  get isUncertain(): boolean {
    return this.#state === STATE.PREPARED && !this.isReaped;
  }

  get isReaped(): boolean {
    return this.status !== PENDING;
  }

  /** Counts what is submitted. */
  get number(): number {
    return this.#numbers[0] ?? 0;
  }

  /** How many bytes came before it on its endpoint; undefined: nobody was given its bytes. */
  get position(): number | undefined {
    const position = this.#numbers[1] ?? NOWHERE;
    return position === NOWHERE ? undefined : position;
  }

  set position(position: number) {
    this.#numbers[1] = position;
  }

  /** bEndpointAddress; 0 is the control pipe. */
  get endpoint(): number {
    return this.#urb.getUint8(URB.endpoint);
  }

  /** 0 or -errno, once it is reaped. */
  get status(): number {
    return this.#urb.getInt32(URB.status, true);
  }

  /** Bytes that went over the wire, without the setup packet. */
  get actual(): number {
    return this.#urb.getInt32(URB.actualLength, true);
  }

  /** What an IN transfer has brought. */
  get data(): Uint8Array {
    const start = this.endpoint === 0 ? SETUP : 0;
    return this.#bytes.subarray(start, start + this.actual);
  }

  submitted(): void {
    this.#state = STATE.SUBMITTED;
  }

  /** What was cancelled for want of knowing better has ended well, with fewer bytes. */
  endsShort(): void {
    this.#urb.setInt32(URB.status, 0, true);
  }

  free(): void {
    this.#state = STATE.FREE;
  }

  prepare({ setup, data, length, endpoint, type }: Urb, number: number): void {
    if (setup !== undefined) this.#bytes.set(setup);
    this.#bytes.set(data, setup?.length ?? 0);
    for (let at = 0; at < URB.size; at += 4) this.#urb.setInt32(at, 0, true);
    this.#urb.setUint8(URB.type, URB_TYPE[type]);
    this.#urb.setUint8(URB.endpoint, endpoint);
    this.#urb.setInt32(URB.status, PENDING, true);
    this.#urb.setBigUint64(URB.buffer, this.#bufferAddress, true);
    this.#urb.setInt32(URB.bufferLength, (setup?.length ?? 0) + length, true);
    this.#numbers[0] = number;
    this.#numbers[1] = NOWHERE;
    this.#state = STATE.PREPARED;
  }

  get #state(): number {
    return Atomics.load(this.#words, 0);
  }

  set #state(state: number) {
    Atomics.store(this.#words, 0, state);
  }
}
