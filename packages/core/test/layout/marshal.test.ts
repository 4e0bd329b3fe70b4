// Values to bytes and back, without pointers: golden bytes, hostile bytes, wrong values, and the round trip.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeviceError, UsageError } from "../../src/errors.ts";
import {
  array,
  bytes,
  cstring,
  type DataModel,
  decode,
  encode,
  i16,
  long,
  ptr,
  struct,
  u8,
  u16,
  u32,
  u64,
  ulong,
  union,
} from "../../src/layout/index.ts";
import { flat, flexible } from "./schemas.ts";

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");

test("property: decode gives back what was encoded, in every data model", () => {
  const cases = fc.oneof(flat(3), flexible).chain(({ schema, values }) => fc.tuple(fc.constant(schema), values));
  fc.assert(
    fc.property(cases, fc.constantFrom(...MODELS), fc.nat({ max: 9 }), ([schema, value], model, offset) => {
      const encoded = encode(schema, model, value);
      expect(decode(schema, model, encoded)).toEqual(value);
      const room = new Uint8Array(offset + encoded.length + 3).fill(0xaa);
      encode(schema, model, value, room.subarray(offset));
      expect(room.subarray(offset, -3)).toEqual(encoded);
      expect(decode(schema, model, room, offset)).toEqual(value);
      expect([...room.subarray(0, offset), ...room.subarray(-3)].every((byte) => byte === 0xaa)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

describe("golden bytes", () => {
  const Mixed = struct({ a: u8, b: u64, c: i16, d: long, e: ulong });
  const value = { a: 0x11, b: 0x8877665544332211n, c: -2, d: -3, e: 4 };

  test.each<[DataModel, string]>([
    ["lp64", "1100000000000000 1122334455667788 feff000000000000 fdffffffffffffff 0400000000000000"],
    ["ilp32", "11000000 1122334455667788 feff0000 fdffffff 04000000"],
    ["x32", "1100000000000000 1122334455667788 feff0000 fdffffff 04000000 00000000"],
  ])("%s", (model, expected) => {
    const into = new Uint8Array(40).fill(0xff);
    const size = expected.replaceAll(" ", "").length / 2;
    expect(hex(encode(Mixed, model, value, into).subarray(0, size))).toBe(expected.replaceAll(" ", ""));
    expect(decode(Mixed, model, into)).toEqual(value);
  });

  test("a flexible array begins in the padding of its struct", () => {
    const Tail = struct({ n: u32, tag: u8, data: bytes("n", { max: 9 }) });
    expect(hex(encode(Tail, "lp64", { n: 5, tag: 1, data: Uint8Array.of(1, 2, 3, 4, 5) }))).toBe(
      "05000000010102030405",
    );
  });

  test("strings end with NUL and are cut at a whole character, as strscpy cuts them", () => {
    expect(hex(encode(cstring(4), "lp64", "ab"))).toBe("61620000");
    expect(hex(encode(cstring(4), "lp64", "abcdef"))).toBe("61626300");
    expect(hex(encode(cstring(4), "lp64", "abé"))).toBe("61620000");
    expect(hex(encode(cstring(1), "lp64", "a"))).toBe("00");
  });

  test("shorter bytes are filled with zeros", () => {
    expect(hex(encode(bytes(3), "lp64", Uint8Array.of(9), new Uint8Array(3).fill(0xff)))).toBe("090000");
  });
});

describe("hostile bytes", () => {
  const error = (act: () => unknown) => {
    try {
      return act();
    } catch (thrown) {
      return thrown instanceof DeviceError ? `${thrown.code}: ${thrown.message}` : thrown;
    }
  };
  const Counted = struct({ n: i16, data: array(u16, "n", { max: 3 }) });

  test("lengths are checked before they are used", () => {
    expect(decode(Counted, "lp64", Uint8Array.of(1, 0, 7, 0))).toEqual({ n: 1, data: [7] });
    expect(error(() => decode(Counted, "lp64", Uint8Array.of(4, 0)))).toBe("EINVAL: n is 4, allowed are 0 to 3");
    expect(error(() => decode(Counted, "lp64", Uint8Array.of(255, 255)))).toBe("EINVAL: n is -1, allowed are 0 to 3");
    expect(error(() => decode(Counted, "lp64", Uint8Array.of(2, 0, 7, 0)))).toMatch(/^EINVAL: 4 bytes expected at 2/);
    expect(error(() => decode(Counted, "lp64", Uint8Array.of(2)))).toMatch(/^EINVAL: 2 bytes expected at 0/);
  });

  test("a string without its NUL ends with its array; one that is no UTF-8 stays a string", () => {
    expect(decode(cstring(3), "lp64", Uint8Array.of(97, 98, 99, 100))).toBe("abc");
    expect(decode(cstring(3), "lp64", Uint8Array.of(97, 255, 0))).toBe("a\ufffd");
  });

  test("a long that no number holds is EOVERFLOW", () => {
    expect(error(() => decode(ulong, "lp64", new Uint8Array(8).fill(255)))).toMatch(/^EOVERFLOW/);
    expect(decode(long, "lp64", new Uint8Array(8).fill(255))).toBe(-1);
  });

  test("a value shares no memory with its bytes", () => {
    const data = Uint8Array.of(1, 2);
    const value = decode(bytes(2), "lp64", data);
    data.fill(9);
    expect(value).toEqual(Uint8Array.of(1, 2));
  });
});

describe("values that do not fit their C type", () => {
  const Termios = struct({ c_line: u8, c_cc: array(u8, 3), c_name: cstring(4), c_raw: bytes(2), c_big: u64 });
  const good = { c_line: 0, c_cc: [0, 0, 0], c_name: "", c_raw: new Uint8Array(2), c_big: 0n };

  test.each<[object, string]>([
    [{ c_cc: [0, 0, 256] }, "c_cc[2]: 256 is no u8 (number, 0 to 255)"],
    [{ c_cc: [0, -1, 0] }, "c_cc[1]: -1 is no u8 (number, 0 to 255)"],
    [{ c_cc: [0, 0] }, "c_cc: 2 items, there must be 3"],
    [{ c_cc: 1 }, "c_cc: 1 is no array"],
    [{ c_line: 1.5 }, "c_line: 1.5 is no u8 (number, 0 to 255)"],
    [{ c_line: 1n }, "c_line: 1 is no u8 (number, 0 to 255)"],
    [{ c_big: 1 }, "c_big: 1 is no u64 (bigint, 0 to 18446744073709551615)"],
    [{ c_big: -1n }, "c_big: -1 is no u64 (bigint, 0 to 18446744073709551615)"],
    [{ c_name: 1 }, "c_name: 1 is no string"],
    [{ c_raw: new Uint8Array(3) }, "c_raw: 3 bytes do not fit 2"],
    [{ c_raw: [1, 2] }, "c_raw: an object is no Uint8Array"],
  ])("%o", (wrong, message) => {
    expect(() => encode(array(Termios, 1), "lp64", [{ ...good, ...wrong }])).toThrow(new UsageError(`[0].${message}`));
  });

  test("a flexible array must be as long as its struct tells", () => {
    const Tail = struct({ n: u8, data: array(u8, "n", { max: 3 }) });
    expect(() => encode(Tail, "lp64", { n: 1, data: [1, 2] })).toThrow(
      new UsageError("data: 2 items, there must be 1"),
    );
    expect(() => encode(Tail, "lp64", { n: 4, data: [1, 2, 3, 4] })).toThrow(UsageError);
  });

  test("there must be room, and no pointers", () => {
    expect(() => encode(u32, "lp64", 1, new Uint8Array(3))).toThrow(new UsageError("4 bytes do not fit 3"));
    const Pointing = struct({ p: ptr(u8) });
    expect(() => encode(Pointing, "lp64", { p: 1 })).toThrow(UsageError);
    expect(() => decode(Pointing, "lp64", new Uint8Array(8))).toThrow(UsageError);
  });
});

test("a union is its widest member's bytes, and a member is decoded from them", () => {
  const Either = struct({ tag: u8, u: union(u16, struct({ a: u32, b: u8 })) });
  const value = decode(Either, "lp64", Uint8Array.of(1, 0, 0, 0, 5, 6, 0, 0, 7, 0, 0, 0));
  expect(value.u).toHaveLength(8);
  expect(decode(u16, "lp64", value.u)).toBe(0x605);
});
