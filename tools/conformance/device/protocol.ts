// What the client in C and the reference device agree on; client/protocol.h says the same in C.
// Every open file is in a room. Files in one room share a stream, its settings and its counters, and cases that use
// rooms of their own do not disturb each other, so they can run at the same time.

import {
  array,
  bytes,
  command,
  cstring,
  enumeration,
  flagged,
  flags,
  i8,
  i16,
  i32,
  i64,
  io,
  ior,
  iow,
  iowr,
  kernelLong,
  long,
  ptr,
  struct,
  u8,
  u16,
  u32,
  u64,
  ulong,
  union,
} from "@devlift/core";

const TYPE = "c";

/** For the next open by a thread: the room that the new file is in, and how that open goes. */
export const Rule = struct({ tid: u32, room: u32, action: u32, value: u32 });

export const Setting = struct({ knob: u32, value: u32 });
export const Filling = struct({ count: u32, seed: u32 });
export const Kick = struct({ what: u32, value: u32 });
export const Await = struct({ counter: u32, least: u32 });

/** What a room has seen; Await names a counter by its place here. */
export const Stats = struct({
  opens: u32,
  releases: u32,
  reads: u32,
  writes: u32,
  acts: u32,
  polls: u32,
  aborts: u32,
  blocked: u32,
  held: u32,
  files: u32,
  openFlags: u32,
  nonBlocking: u32,
  pid: u32,
  uid: u32,
  gid: u32,
  length: u32,
  tgid: u32,
  name: cstring(16),
});

/** What a call does instead of what it is there for. */
export const ACTION = {
  NORMAL: 0,
  /** Throws DeviceError with the errno `value`. */
  ERRNO: 1,
  /** Throws an Error that is none of ours. */
  THROW: 2,
  /** The same, later. */
  REJECT: 3,
  /** A promise that is kept open until the signal aborts. */
  NEVER: 4,
  /** A promise that ignores its signal until a KICK.FINISH. */
  DEAF: 5,
  /** Goes on as normal after `value` milliseconds. */
  DELAY: 6,
  /** Goes on as normal, in a promise. */
  ASYNC: 7,
  /** An answer that no driver may give. */
  ILLEGAL: 8,
  /** wouldBlockFor(value) where it would block. */
  TIMED: 9,
  /** Rejects with DeviceError(value) when the signal aborts. */
  ABORT_ERRNO: 10,
} as const;

export const KNOB = {
  CAPACITY: 0,
  EOF: 1,
  /** At most so many bytes a read or a write. */
  CHUNK: 2,
  PRI: 3,
  /** POLL bits instead of the stream's; 0: the stream's. */
  POLL: 4,
  /** ACTION | value << 8 for the calls named. */
  ON_READ: 5,
  ON_WRITE: 6,
  ON_ACT: 7,
  ON_RELEASE: 8,
  ON_POLL: 9,
  /** 0: changes of the stream wake nobody. */
  WAKES: 10,
} as const;

export const KICK = {
  READABLE: 0,
  WRITABLE: 1,
  URGENT: 2,
  HANGUP: 3,
  FINISH: 4,
  HANGUP_OTHERS: 5,
  /** The file that the kick comes by, and no other. */
  HANGUP_THIS: 6,
} as const;

/** How the room is told what to do and what it saw. They are never disturbed by ON_ACT. */
export const control = {
  RULE: iow(TYPE, 1, Rule),
  SET: iow(TYPE, 2, Setting),
  FILL: iow(TYPE, 3, Filling),
  KICK: iow(TYPE, 4, Kick),
  STATS: ior(TYPE, 5, Stats),
  AWAIT: iow(TYPE, 6, Await),
  JOIN: io(TYPE, 7),
  /** Subject to ON_ACT; else gives its value. */
  ACT: io(TYPE, 8),
  /** Waits as a read does. */
  ACT_WAIT: io(TYPE, 9),
  NONBLOCK: io(TYPE, 13),
} as const;

/** What a file of a slot's node has seen; `size` is of all slots together. */
export const SlotSeen = struct({ flushes: u32, syncs: u32, dataSyncs: u32, size: u32 });

/** Of the nodes "memory" and "read-only". */
export const slotCommands = {
  /** Takes a slot of the memory, zeroed; its number is the result. */
  SLOT: io(TYPE, 10),
  /** The next flush or sync of this file fails with the errno. */
  SLOT_FAILS: io(TYPE, 11),
  SLOT_SEEN: ior(TYPE, 12, SlotSeen),
} as const;

/** Sizes of flat arguments: every limit of `_IOC` (14 bits), of a word and of a page. */
export const SIZES = [1, 2, 3, 4, 7, 8, 9, 16, 63, 255, 256, 1024, 4095, 4096, 4097, 8191, 8192, 12288, 16383] as const;

type Size = (typeof SIZES)[number];
export type Sized<Prefix extends string, T> = { readonly [S in Size as `${Prefix}_${S}`]: T };

/** One of `make` for each size, as PREFIX_SIZE. */
export function each<const Prefix extends string, T>(prefix: Prefix, make: (size: Size) => T): Sized<Prefix, T> {
  // fromEntries forgets the keys' type, which is made in the same breath.
  return Object.fromEntries(SIZES.map((size) => [`${prefix}_${size}`, make(size)])) as Sized<Prefix, T>;
}

/** Every width and alignment that the data models differ in. */
export const Mixed = struct({
  a: u8,
  b: u64,
  c: u16,
  d: long,
  e: i8,
  f: ulong,
  g: i16,
  h: i64,
  i: i32,
  j: u32,
});

export const Pair = struct({ a: u32, b: u32 });
export const Text = struct({ text: cstring(32) });

/** A pointer and the length of what it points to. `len` is a field, so it is the client's to lie with. */
const pointer = (direction: "in" | "out" | "inout", max: number) =>
  struct({ len: u32, result: u32, data: ptr(bytes("len", { max }), direction) });

export const MAX_BLOCK = 1 << 20;
export const BlockIn = pointer("in", MAX_BLOCK);
export const BlockOut = pointer("out", MAX_BLOCK);
export const BlockInOut = pointer("inout", MAX_BLOCK);

export const StringArgument = struct({ len: u32, text: ptr(cstring("len", { max: 4096 }), "inout") });
export const Nullable = struct({
  len: u32,
  was: u32,
  data: ptr(bytes("len", { max: 256 }), "in", { nullable: true }),
});
export const Flexible = struct({ len: u32, sum: u32, data: bytes("len", { max: 65536 }) });
export const FlexibleItems = struct({ count: u16, sum: u16, items: array(Pair, "count", { max: 512 }) });

export const SEGMENT_READ = 1;
/** As an I2C message: the direction is in the flags. */
export const Segment = struct({
  addr: u16,
  flags: u16,
  len: u16,
  data: ptr(bytes("len", { max: 8192 }), flagged("flags", SEGMENT_READ, "out", "in")),
});
export const Transfer = struct({ segments: ptr(array(Segment, "count", { max: 1024 }), "in"), count: u32 });
/** The same without a level between: its areas are exactly 1 + N. */
const inline = (count: number) => struct({ segments: array(Segment, count) });

const Leaf = struct({ len: u32, data: ptr(bytes("len", { max: 64 }), "inout") });
const Branch = struct({ leaf: ptr(Leaf, "inout"), value: u32 });
/** Four levels: root, branch, leaf, data. */
export const Tree = struct({ value: u32, left: ptr(Branch, "inout"), right: ptr(Branch, "inout") });

/** The tag tells which member is meant. */
export const Variant = struct({ kind: u32, value: union(u32, Pair, bytes(12)) });
export const Named = struct({
  mode: enumeration(u32, { FIRST: 1, SECOND: 2 }),
  bits: flags(u16, { ONE: 1, TWO: 2 }),
  small: enumeration(i16, { MINUS: -1 }),
});
export const Times = struct({ sec: kernelLong, usec: kernelLong });
/** Lengths of other types: one that can be negative, one that a double cannot hold, one in bytes of larger items. */
export const SignedLength = struct({ len: i32, sum: u32, data: ptr(bytes("len", { max: 256 })) });
export const WideLength = struct({ len: u64, sum: u32, data: ptr(bytes("len", { max: 256 })) });
export const ByteLength = struct({
  size: u32,
  sum: u32,
  items: ptr(
    array(Pair, (m: { readonly size: number }) => m.size / 8, { max: 32 }),
    "inout",
  ),
});
const Third = struct({ value: u32 });
const Second = struct({ value: u32, next: ptr(Third, "inout", { nullable: true }) });
/** A list of up to three. */
export const List = struct({ value: u32, next: ptr(Second, "inout", { nullable: true }) });
/** Two of one length, which can be the same memory. */
export const Twins = struct({
  len: u32,
  sum: u32,
  from: ptr(bytes("len", { max: 256 })),
  to: ptr(bytes("len", { max: 256 }), "out", { nullable: true }),
});

/** The shapes of arguments. */
export const shapes = {
  NONE: io(TYPE, 32, "none"),
  VALUE: io(TYPE, 33),
  MINUS: io(TYPE, 34, "none"),
  ADDRESS: io(TYPE, 35, "address"),
  /** Its value is its result, legal or not. */
  RESULT: io(TYPE, 36),
  ...each("IN", (size) => iow(TYPE, 48, bytes(size))),
  ...each("OUT", (size) => ior(TYPE, 49, bytes(size))),
  ...each("INOUT", (size) => iowr(TYPE, 50, bytes(size))),
  MIXED: iowr(TYPE, 64, Mixed),
  PAIR: iowr(TYPE, 65, Pair),
  TEXT: iowr(TYPE, 66, Text),
  /** Its number says read, and the driver writes to nobody: wrong directions exist in real headers. */
  WRONG_WAY: ior(TYPE, 67, Pair, "in"),
  /** Changes its argument, and then fails with the errno in `a`; the second one later. */
  SPOILS: iowr(TYPE, 68, Pair),
  SPOILS_LATER: iowr(TYPE, 69, Pair),
  VARIANT: iowr(TYPE, 70, Variant),
  NAMED: iowr(TYPE, 71, Named),
  TIMES: iowr(TYPE, 72, Times),
  /** A number that the field cannot hold. */
  MISFIT: iowr(TYPE, 73, Pair),
  LEGACY_NONE: command(0x5520, "none"),
  LEGACY_VALUE: command(0x5521),
  LEGACY_IN: command(0x5522, Pair, "in"),
  LEGACY_OUT: command(0x5523, Pair, "out"),
  LEGACY_INOUT: command(0x5524, Pair, "inout"),
  LEGACY_LARGE: command(0x5525, bytes(128 * 1024), "inout"),
  LEGACY_TOO_LARGE: command(0x5526, bytes(128 * 1024 + 1), "inout"),
  LEGACY_TERMIOS: command(0x5401, bytes(36), "out"),
  FIONREAD: command(0x541b, struct({ count: i32 }), "out"),
  LEGACY_ADDRESS: command(0x5527, "address"),
  BLOCK_IN: iowr(TYPE, 80, BlockIn),
  BLOCK_OUT: iowr(TYPE, 81, BlockOut, "in"),
  BLOCK_INOUT: iowr(TYPE, 82, BlockInOut),
  STRING: iowr(TYPE, 83, StringArgument),
  NULLABLE: iowr(TYPE, 84, Nullable),
  FLEXIBLE: command(0x5530, Flexible, "inout"),
  FLEXIBLE_ITEMS: command(0x5531, FlexibleItems, "inout"),
  TRANSFER: iow(TYPE, 85, Transfer),
  TREE: iowr(TYPE, 86, Tree),
  SIGNED_LENGTH: iowr(TYPE, 87, SignedLength),
  WIDE_LENGTH: iowr(TYPE, 88, WideLength),
  BYTE_LENGTH: iowr(TYPE, 89, ByteLength),
  LIST: iowr(TYPE, 90, List),
  TWINS: iowr(TYPE, 91, Twins),
  /** As BLOCK_INOUT, in a promise. */
  BLOCK_LATER: iowr(TYPE, 92, BlockInOut),
  /** Takes from the stream as a read does, and waits as one. Its result says how much. */
  TAKE: iowr(TYPE, 93, BlockOut),
  INLINE_255: command(0x5540, inline(255), "in"),
  INLINE_256: command(0x5541, inline(256), "in"),
} as const;
