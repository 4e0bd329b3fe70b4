// Writes what a daemon says on /dev/fusd: each function fills bytes that live as long as their front, so that a fast
// answer allocates nothing.

import { encode, offsetsOf, type Region, sizeOf } from "../layout/index.ts";
import * as abi from "./fusd-abi.ts";
import { MessageFront, SHORT_TAIL } from "./message-front.ts";

const HEAD = offsetsOf(abi.fusd_head, "lp64");
const REPLY = offsetsOf(abi.fusd_reply, "lp64");
const PUBLISH = offsetsOf(abi.fusd_publish, "lp64");
const AREA = offsetsOf(abi.fusd_area, "lp64");
const AREA_SIZE = sizeOf(abi.fusd_area, "lp64");
const FRONT = sizeOf(abi.fusd_reply, "lp64");
const PUBLISH_SIZE = sizeOf(abi.fusd_publish, "lp64");
/** What a FusdReplyFront needs. */
export const FUSD_REPLY_SIZE: number = FRONT + SHORT_TAIL;
const NOTHING = new Uint8Array(0);

/** Places in words. */
const TYPE = HEAD.type / 4;
const ID = HEAD.id / 4;
const RESULT = REPLY.result / 4;
const VALUE = REPLY.value / 4;
const EVENTS = REPLY.events / 4;

/** WAIT: the deadline does not count for this request any more. */
export function waitMessage(uniqueLow: number, uniqueHigh: number): Uint8Array {
  const id = (BigInt(uniqueHigh) << 32n) | BigInt(uniqueLow);
  const len = sizeOf(abi.fusd_head, "lp64");
  return encode(abi.fusd_head, "lp64", { len, type: abi.FUSD_WAIT, flags: 0, id });
}

/** The front of a REPLY, used again for the next. */
export class FusdReplyFront extends MessageFront {
  constructor(memory: Uint8Array = new Uint8Array(FUSD_REPLY_SIZE)) {
    super(memory);
    this.words.fill(0, 0, FRONT / 4);
  }

  /** Which request is answered. What else a reply can say is unsaid again. */
  to(uniqueLow: number, uniqueHigh: number): this {
    const { words } = this;
    words[TYPE] = abi.FUSD_REPLY;
    words[ID] = uniqueLow;
    words[ID + 1] = uniqueHigh;
    words[VALUE] = 0;
    words[VALUE + 1] = 0;
    words[EVENTS] = 0;
    return this;
  }

  /** What poll(2) says of the request's file from this answer on. */
  events(bits: number): this {
    this.words[TYPE] = abi.FUSD_REPLY | (abi.FUSD_REPLY_EVENTS << 16);
    this.words[EVENTS] = bits;
    return this;
  }

  /** @param errno positive errno, 0 for success without a value */
  status(errno: number): readonly Uint8Array[] {
    return this.count(-errno);
  }

  /** @param value of ioctl(2) or write(2), or -errno: a number that an int holds, or a count of bytes */
  count(value: number, tail: Uint8Array = NOTHING, tailSize: number = tail.length): readonly Uint8Array[] {
    this.words[RESULT] = value;
    this.words[RESULT + 1] = value < 0 ? -1 : 0;
    return this.message(FRONT, tail, tailSize);
  }

  /** READ's answer. */
  data(bytes: Uint8Array, length: number): readonly Uint8Array[] {
    return this.count(length, bytes, length);
  }

  /** LLSEEK's answer. @param offset at most 2^53 */
  position(offset: number): readonly Uint8Array[] {
    this.view.setBigInt64(REPLY.result, BigInt(offset), true);
    return this.message(FRONT, NOTHING, 0);
  }

  /** OPEN's and RESTORE's answer: what the file's requests shall be marked with. */
  cookie(cookie: number): readonly Uint8Array[] {
    this.words[VALUE] = cookie;
    return this.count(0);
  }

  /** Asks the kernel to send the ioctl again with these areas of the caller's memory. */
  retry(input: readonly Region[], output: readonly Region[]): readonly Uint8Array[] {
    const areas = new Uint8Array((input.length + output.length) * AREA_SIZE);
    const view = new DataView(areas.buffer);
    let at = 0;
    for (const some of [input, output]) {
      for (const { base, len } of some) {
        view.setBigUint64(at + AREA.base, base, true);
        view.setBigUint64(at + AREA.len, BigInt(len), true);
        at += AREA_SIZE;
      }
    }
    this.words[TYPE] = abi.FUSD_REPLY | (abi.FUSD_REPLY_RETRY << 16);
    this.words[VALUE] = output.length;
    return this.count(input.length, areas);
  }
}

/** PUBLISH messages back to back, in memory that grows with the most that there ever were at a time. */
export class Publications {
  #memory = new Uint8Array(8 * PUBLISH_SIZE);
  #view = new DataView(this.#memory.buffer);
  #size = 0;

  get any(): boolean {
    return this.#size > 0;
  }

  /** @param file the kernel's number @param wake POLL bits to wake for, 0 to wake nobody */
  add(file: bigint, events: number, wake: number): void {
    if (this.#size === this.#memory.length) this.#grow();
    const [view, at] = [this.#view, this.#size];
    view.setUint32(at + HEAD.len, PUBLISH_SIZE, true);
    view.setUint32(at + HEAD.type, abi.FUSD_PUBLISH, true);
    view.setBigUint64(at + HEAD.id, 0n, true);
    view.setBigUint64(at + PUBLISH.file, file, true);
    view.setUint32(at + PUBLISH.events, events, true);
    view.setUint32(at + PUBLISH.wake, wake, true);
    this.#size += PUBLISH_SIZE;
  }

  /** Those since the last call, valid until the next add(). */
  take(): Uint8Array {
    const taken = this.#memory.subarray(0, this.#size);
    this.#size = 0;
    return taken;
  }

  #grow(): void {
    const more = new Uint8Array(2 * this.#memory.length);
    more.set(this.#memory);
    this.#memory = more;
    this.#view = new DataView(more.buffer);
  }
}
