// What the ioctls do with their arguments: something that a client can check, on every byte that it may see.
// In: the result is a checksum. Out: a pattern. Inout: every byte is changed.

import { type Commands, DeviceError, type Driver, wouldBlock } from "@devlift/core";
import { each, SEGMENT_READ, type shapes } from "./protocol.ts";
import { errnoOf, type Member } from "./room.ts";

interface Bytes {
  readonly arg: Uint8Array;
}

type Handlers<C extends Commands> = NonNullable<Driver<Member, C>["ioctl"]>;

const sum = (data: Uint8Array): number => data.reduce((total, byte) => (total * 31 + byte) & 0x7fff_ffff, 0);

const fill = (data: Uint8Array, seed: number): void => {
  for (let index = 0; index < data.length; index++) data[index] = (index * 7 + Math.floor(index / 251) + seed) & 0xff;
};

const flip = (data: Uint8Array): void => {
  for (let index = 0; index < data.length; index++) data[index] = (data[index] ?? 0) ^ 0xa5;
};

/** An address as a result of ioctl(2), every bit of it. */
const PRIME = 0x7fff_ffffn;

export const shapeHandlers: Handlers<typeof shapes> = {
  ...each(
    "IN",
    () =>
      ({ arg }: Bytes) =>
        sum(arg),
  ),
  ...each(
    "OUT",
    (size) =>
      ({ arg }: Bytes) =>
        fill(arg, size & 0xff),
  ),
  ...each(
    "INOUT",
    () =>
      ({ arg }: Bytes) =>
        flip(arg),
  ),
  NONE: () => 42,
  VALUE: ({ arg }) => arg & 0x7fff_ffff,
  MINUS() {
    throw new DeviceError("EPERM", "as the client asked");
  },
  ADDRESS: ({ arg }) => Number(arg % PRIME),
  RESULT: ({ arg }) => arg,
  MIXED({ arg }) {
    arg.a = 255 - arg.a;
    arg.b = BigInt.asUintN(64, ~arg.b);
    arg.c = 65535 - arg.c;
    arg.d = -arg.d;
    arg.e = -arg.e;
    arg.f += 1;
    arg.g = -arg.g;
    arg.h = -arg.h;
    arg.i = -arg.i;
    arg.j = (arg.j ^ 0xffff_ffff) >>> 0;
  },
  PAIR({ arg }) {
    [arg.a, arg.b] = [arg.b, arg.a];
    return 7;
  },
  TEXT({ arg }) {
    arg.text = [...arg.text].reverse().join("");
    return arg.text.length;
  },
  WRONG_WAY: ({ arg }) => arg.a + arg.b,
  SPOILS({ arg }) {
    const { a } = arg;
    Object.assign(arg, { a: 1, b: 2 });
    throw new DeviceError(errnoOf(a), "as the client asked");
  },
  async SPOILS_LATER({ arg }) {
    const { a } = arg;
    Object.assign(arg, { a: 1, b: 2 });
    await Promise.resolve();
    throw new DeviceError(errnoOf(a), "as the client asked");
  },
  VARIANT({ arg }) {
    flip(arg.value);
    return arg.kind;
  },
  NAMED({ arg }) {
    arg.mode = (arg.mode + 1) >>> 0;
    arg.bits ^= 0xffff;
    arg.small = -1 - arg.small;
  },
  TIMES({ arg }) {
    arg.sec = -arg.sec;
    arg.usec = -arg.usec;
  },
  MISFIT({ arg }) {
    arg.b = -1;
  },
  LEGACY_NONE: () => 43,
  LEGACY_VALUE: ({ arg }) => (arg < 0 ? -arg : arg),
  LEGACY_IN: ({ arg }) => arg.a * 256 + arg.b,
  LEGACY_OUT({ arg }) {
    arg.a = 0x0102_0304;
    arg.b = 0xfffe_fdfc;
  },
  LEGACY_INOUT({ arg }) {
    [arg.a, arg.b] = [arg.b, arg.a];
  },
  LEGACY_LARGE: ({ arg }) => flip(arg),
  LEGACY_TOO_LARGE: ({ arg }) => flip(arg),
  LEGACY_TERMIOS: ({ arg }) => fill(arg, 9),
  FIONREAD({ state: { room }, arg }) {
    arg.count = room.held;
  },
  LEGACY_ADDRESS: ({ arg }) => Number(arg % PRIME),
  BLOCK_IN({ arg }) {
    arg.result = sum(arg.data);
  },
  BLOCK_OUT: ({ arg }) => fill(arg.data, 3),
  BLOCK_INOUT({ arg }) {
    flip(arg.data);
    arg.result = arg.len;
  },
  STRING({ arg }) {
    const was = arg.text.length;
    arg.text = arg.text.toUpperCase();
    return was;
  },
  NULLABLE({ arg }) {
    arg.was = arg.data === null ? 0xffff_ffff : sum(arg.data);
  },
  FLEXIBLE({ arg }) {
    arg.sum = sum(arg.data);
    flip(arg.data);
  },
  FLEXIBLE_ITEMS({ arg }) {
    arg.sum = 0;
    for (const item of arg.items) {
      arg.sum = (arg.sum + item.a) & 0xffff;
      item.b = item.a + 1;
    }
  },
  TRANSFER: ({ arg }) => segments(arg.segments),
  INLINE_255: ({ arg }) => segments(arg.segments),
  INLINE_256: ({ arg }) => segments(arg.segments),
  SIGNED_LENGTH({ arg }) {
    arg.sum = sum(arg.data);
  },
  WIDE_LENGTH({ arg }) {
    arg.sum = sum(arg.data);
  },
  BYTE_LENGTH({ arg }) {
    arg.sum = arg.items.length;
    for (const item of arg.items) [item.a, item.b] = [item.b, item.a];
  },
  LIST({ arg }) {
    let total = 0;
    for (const node of [arg, arg.next, arg.next?.next]) {
      if (!node) break;
      total += node.value;
      node.value = total;
    }
    return total & 0x7fff_ffff;
  },
  TWINS({ arg }) {
    arg.sum = sum(arg.from);
    for (let index = 0; arg.to !== null && index < arg.len; index++) arg.to[index] = (arg.from[index] ?? 0) + 1;
  },
  async BLOCK_LATER({ arg }) {
    await Promise.resolve();
    flip(arg.data);
    arg.result = arg.len;
  },
  TAKE({ state: { room }, arg, nonBlocking }) {
    if (room.held === 0) {
      if (!nonBlocking) room.count("blocked");
      return wouldBlock;
    }
    const taken = room.pull(arg.data.length);
    arg.data.set(taken);
    return taken.length;
  },
  TREE({ arg }) {
    arg.value = arg.left.value + arg.right.value;
    for (const branch of [arg.left, arg.right]) {
      branch.value++;
      flip(branch.leaf.data);
    }
  },
};

/** Reads are filled; the result is the sum of what was written and of the addresses. */
function segments(all: readonly { addr: number; flags: number; data: Uint8Array }[]): number {
  let total = 0;
  for (const { addr, flags, data } of all) {
    if ((flags & SEGMENT_READ) !== 0) fill(data, addr & 0xff);
    else total += data.reduce((part, byte) => part + byte, 0);
    total += addr;
  }
  return total & 0x7fff_ffff;
}
