// A link with a ring, on a file that plays the memory which a kernel shares: what the test writes into it is a request, and
// what the link writes by write(2) comes behind that memory. What takes a kernel, sleeping and
// being woken, is in the conformance suite.

import { closeSync, constants, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ERRNO } from "../src/errno.ts";
import { decode, encode, offsetsOf, sizeOf } from "../src/layout/index.ts";
import { type Link, openLink, WRITE_FAILED } from "../src/native.ts";
import * as abi from "../src/wire/fusd-abi.ts";

const SLOTS = 4;
const SLOT_SIZE = 4096;
/** struct fusd_ring. */
const AT = { posted: 0, messages: 4, taken: 64, awake: 68, order: 128, slot: 128 + 4 * 256, slots: 8192 };
const POSTED = 1;
const ANSWERED = 2;
const SIZE = AT.slots + SLOTS * SLOT_SIZE;
const REQUEST = sizeOf(abi.fusd_request, "lp64");
const REPLY = sizeOf(abi.fusd_reply, "lp64");
const HEAD = offsetsOf(abi.fusd_head, "lp64");

let folder: string;
let fd: number;
let link: Link;
let request: Uint8Array;
let posted: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "devlift-ring-"));
  fd = openSync(join(folder, "ring"), constants.O_RDWR | constants.O_CREAT);
  // The place for read(2) and write(2) is behind all of it.
  writeSync(fd, new Uint8Array(SIZE));
  link = openLink(fd);
  request = link.allocate(8192);
  link.use(request);
  link.share(SLOTS, SLOT_SIZE);
  posted = 0;
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

function put(at: number, value: number): void {
  writeSync(fd, new Uint8Array(Uint32Array.of(value).buffer), 0, 4, at);
}

function get(at: number, length = 4): Uint8Array {
  const bytes = new Uint8Array(length);
  readSync(fd, bytes, 0, length, at);
  return bytes;
}

function word(at: number): number {
  return new DataView(get(at).buffer).getUint32(0, true);
}

function requestBytes(type: number, id: number, data: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(REQUEST + data.length);
  const head = { len: bytes.length, type, flags: 0, id: BigInt(id) };
  bytes.set(encode(abi.fusd_head, "lp64", head));
  bytes.set(data, REQUEST);
  return bytes;
}

/** As the module does: the request, its slot's state, its number, and that there is one more. */
function post(slot: number, id: number, data?: Uint8Array): void {
  const bytes = requestBytes(abi.FUSD_OP.WRITE, id, data);
  writeSync(fd, bytes, 0, bytes.length, AT.slots + slot * SLOT_SIZE);
  put(AT.slot + slot * 8, POSTED);
  put(AT.order + (posted % 256) * 4, slot);
  put(AT.posted, ++posted);
}

function answer(id: number, { flags = 0, data = new Uint8Array(), tail = new Uint8Array() } = {}): number {
  const len = REPLY + data.length + tail.length;
  const head = { len, type: abi.FUSD_REPLY, flags, id: BigInt(id) };
  link.reply.set(encode(abi.fusd_reply, "lp64", { head, result: 0n, value: 0n, events: 0, reserved: 0 }));
  link.reply.set(data, REPLY);
  return tail.length > 0 ? link.answerWith(tail) : link.answer();
}

/** Heads of what went by write(2). */
function written(): { type: number; id: number }[] {
  const bytes = get(SIZE, fstatSync(fd).size - SIZE);
  const heads: { type: number; id: number }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { len, type, id } = decode(abi.fusd_head, "lp64", bytes.subarray(at, at + sizeOf(abi.fusd_head, "lp64")));
    heads.push({ type, id: Number(id) });
    at += len;
  }
  return heads;
}

function idTaken(): number {
  return new DataView(request.buffer).getUint32(HEAD.id, true);
}

it("takes what is posted, in its order, and answers in the same slot behind the request", () => {
  const data = Uint8Array.from({ length: 100 }, (_, index) => index);
  post(2, 7, data);
  post(0, 8);
  expect(link.take()).toBe(REQUEST + 100);
  expect(idTaken()).toBe(7);
  expect(request.subarray(REQUEST, REQUEST + 100)).toEqual(data);
  expect(word(AT.taken)).toBe(1);
  expect(word(AT.slot + 2 * 8)).toBe(POSTED);
  expect(answer(7, { data: data.subarray(0, 5), tail: data.subarray(5, 9) })).toBe(REQUEST);
  expect(word(AT.slot + 2 * 8)).toBe(ANSWERED);
  const at = AT.slots + 2 * SLOT_SIZE + Math.ceil((REQUEST + 100) / 64) * 64;
  const { head } = decode(abi.fusd_reply, "lp64", get(at, REPLY));
  expect(head).toEqual({ len: REPLY + 9, type: abi.FUSD_REPLY, flags: 0, id: 7n });
  expect(get(at + REPLY, 9)).toEqual(data.subarray(0, 9));
  expect(idTaken()).toBe(8);
  expect(answer(8)).toBe(-ERRNO.EAGAIN);
  expect(written()).toEqual([]);
});

it("goes on when the number of what was posted starts anew", () => {
  for (let id = 1; id <= 600; id++) {
    post(id % SLOTS, id);
    expect(link.take()).toBe(REQUEST);
    expect(idTaken()).toBe(id);
    expect(answer(id)).toBe(-ERRNO.EAGAIN);
  }
});

it("writes an answer that says what poll(2) says, one that is too long, and one to another request", () => {
  post(0, 1);
  link.take();
  expect(answer(1, { flags: abi.FUSD_REPLY_EVENTS })).toBe(-ERRNO.EAGAIN);
  post(0, 2);
  link.take();
  expect(answer(2, { tail: new Uint8Array(SLOT_SIZE) })).toBe(-ERRNO.EAGAIN);
  post(0, 3);
  link.take();
  expect(answer(1)).toBe(-ERRNO.EAGAIN);
  expect(word(AT.slot)).toBe(POSTED);
  expect(written().map(({ id }) => id)).toEqual([1, 2, 1]);
});

it("gives the slots of requests that wait back when they are more than half of them, and not before", () => {
  for (const slot of [0, 1]) {
    post(slot, 10 + slot);
    link.take();
  }
  // A slot whose number comes again had its request answered.
  post(1, 12);
  link.take();
  post(2, 13);
  link.take();
  expect(written()).toEqual([]);
  expect(link.take()).toBe(-ERRNO.EAGAIN);
  expect(written()).toEqual([10, 12, 13].map((id) => ({ type: 43, id })));
});

/** Takes three requests, with a message behind the shared memory. @returns id and type of each */
function threeWith(message: Uint8Array): number[][] {
  writeSync(fd, message, 0, message.length, SIZE);
  put(AT.messages, 1);
  return [0, 1, 2].map(() => {
    expect(link.take()).toBeGreaterThanOrEqual(REQUEST);
    put(AT.messages, 0);
    return [idTaken(), new DataView(request.buffer).getUint16(HEAD.type, true)];
  });
}

const { INTERRUPT, RELEASE, WRITE } = abi.FUSD_OP;

it.each([
  ["an interrupt after its request, and before later ones", INTERRUPT, 5, [5, 5, 6]],
  ["a release after all that was asked before", RELEASE, 7, [5, 6, 7]],
  ["an interrupt of what was taken long ago at once", INTERRUPT, 4, [4, 5, 6]],
])("hands %s", (_, type, id, order) => {
  post(0, 5);
  post(1, 6);
  const seen = threeWith(requestBytes(type, id));
  expect(seen.map(([of]) => of)).toEqual(order);
  const place = order.lastIndexOf(id);
  expect(seen.map(([, of]) => of)).toEqual([0, 1, 2].map((at) => (at === place ? type : WRITE)));
  expect(link.take()).toBe(-ERRNO.EAGAIN);
});

it("hands a long message over at once, and then what was posted before it", () => {
  post(0, 5);
  const long = requestBytes(WRITE, 6, new Uint8Array(5000));
  writeSync(fd, long, 0, long.length, SIZE);
  put(AT.messages, 1);
  expect(link.take()).toBe(long.length);
  // There is another already, which has to wait.
  expect(link.take()).toBe(REQUEST);
  expect(idTaken()).toBe(5);
});

it("says EPROTO of a slot that there is not, and of a length that cannot be", () => {
  post(0, 1);
  put(AT.order, SLOTS);
  expect(link.take()).toBe(-ERRNO.EPROTO);
  put(AT.order, 0);
  for (const length of [0, REQUEST - 1, SLOT_SIZE + 1, 2 ** 32 - 1]) {
    put(AT.slots, length);
    expect(link.take()).toBe(-ERRNO.EPROTO);
  }
  put(AT.slots, REQUEST);
  expect(link.take()).toBe(REQUEST);
});

it("has one ring, of a size that can be, on what can be mapped", () => {
  expect(() => link.share(SLOTS, SLOT_SIZE)).toThrow("a link has one ring");
  const other = openLink(fd);
  expect(() => other.share(257, SLOT_SIZE)).toThrow(RangeError);
  expect(() => other.share(1, 0)).toThrow(RangeError);
  const pipe = openLink(0x7fff_ffff);
  expect(() => pipe.share(1, SLOT_SIZE)).toThrow(expect.objectContaining({ code: "EBADF", syscall: "mmap" }));
  expect(WRITE_FAILED).toBeLessThan(-4095);
});
