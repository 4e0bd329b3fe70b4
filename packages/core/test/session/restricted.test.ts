// Which ioctls a file of a FUSE mount can carry, and what the caller of another one gets.

import { expect, test } from "vitest";
import { array, bytes, command, io, ior, iow, iowr, ptr, struct, u32 } from "../../src/index.ts";
import { whyNotCarried } from "../../src/session/restricted.ts";

const Pair = struct({ a: u32, b: u32 });
const Pointing = struct({ count: u32, items: ptr(array(u32, "count", { max: 4 })) });
const Flexible = struct({ length: u32, data: bytes("length", { max: 16 }) });
const IOWR_8 = 0xc008_5501;

test.each([
  ["_IO by value", io("U", 1)],
  ["_IO without argument", io("U", 1, "none")],
  ["an old number, by value", command(0x5409)],
  ["_IOR", ior("U", 1, Pair)],
  ["_IOW", iow("U", 1, Pair)],
  ["_IOWR", iowr("U", 1, Pair)],
  ["a number that encodes what is copied", command(IOWR_8, Pair, "inout")],
])("%s is carried", (_, it) => {
  expect(whyNotCarried(it, "lp64")).toBeUndefined();
});

test.each([
  ["an old number with an argument", command(0x5401, Pair, "out"), /does not encode a size/],
  ["pointers", iowr("U", 1, Pointing), /leads to more memory/],
  ["a flexible array", iow("U", 1, Flexible), /leads to more memory/],
  ["a wrong direction", iow("U", 1, Pair, "inout"), /another size or direction/],
  ["a wrong size", command(IOWR_8, u32, "inout"), /another size or direction/],
  ["a value where the number says that memory is copied", command(IOWR_8), /its argument is no pointer/],
  ["FIONREAD", command(0x541b, u32, "out"), /the kernel answers FIONREAD/],
  ["FIBMAP", command(1), /the kernel answers FIBMAP/],
])("%s is not", (_, it, why) => {
  expect(whyNotCarried(it, "lp64")).toMatch(why);
});
