import { expect, test } from "vitest";
import {
  address,
  array,
  bytes,
  cstring,
  enumeration,
  flags,
  formatValue,
  i32,
  ptr,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../../src/layout/index.ts";

const Msg = struct({
  addr: flags(u16),
  flags: flags(u16, { I2C_M_RD: 1, I2C_M_TEN: 0x10 }),
  len: u16,
  buf: ptr(bytes("len", { max: 99 }), "inout", { nullable: true }),
});

test("structs, flags and pointers, as strace shows them", () => {
  const msg = { addr: 0x50, flags: 0x11, len: 2, buf: Uint8Array.of(1, 65) };
  expect(formatValue(Msg, msg)).toBe('{addr=0x50, flags=I2C_M_RD|I2C_M_TEN, len=2, buf="\\x01A"}');
  expect(formatValue(Msg, { ...msg, flags: 0x8001, buf: null })).toBe(
    "{addr=0x50, flags=I2C_M_RD|0x8000, len=2, buf=NULL}",
  );
  expect(formatValue(array(struct({ a: u8 }), 2), [{ a: 1 }, { a: 2 }])).toBe("[{a=1}, {a=2}]");
});

test("names of bits and values", () => {
  const Mode = flags(u32, { O_RDONLY: 0, O_RDWR: 2, O_SYNC: 0x101000 });
  expect([0, 2, 0x101002, 0x1000].map((mode) => formatValue(Mode, mode))).toEqual([
    "O_RDONLY",
    "O_RDWR",
    "O_RDWR|O_SYNC",
    "0x1000",
  ]);
  expect(formatValue(flags(u64, { TOP: 1n << 63n }), (1n << 63n) | 4n)).toBe("TOP|0x4");
  expect(formatValue(flags(i32), 0)).toBe("0");
  const Format = enumeration(i32, { AFMT_QUERY: 0, AFMT_S16_LE: 16 });
  expect([0, 16, -1].map((format) => formatValue(Format, format))).toEqual(["AFMT_QUERY", "AFMT_S16_LE", "-1"]);
});

test("what is long is cut at 32, and what is not printable is escaped", () => {
  expect(formatValue(bytes(99), new Uint8Array(32).fill(97))).toBe(`"${"a".repeat(32)}"`);
  expect(formatValue(bytes(99), new Uint8Array(33).fill(97))).toBe(`"${"a".repeat(32)}"...`);
  expect(
    formatValue(
      array(u8, 33),
      Array.from({ length: 33 }, () => 1),
    ),
  ).toBe(`[${"1, ".repeat(32)}...]`);
  expect(formatValue(cstring(9), 'a"\\\n\u{1f600}')).toBe('"a\\"\\\\\\x0a\\u{1f600}"');
});

test("a value that is not the schema's is shown as such", () => {
  const wrong: unknown = { addr: "x", len: 0.5 };
  const untyped: { layout: typeof Msg.layout } = Msg;
  expect(formatValue(untyped, wrong)).toBe('{addr="x", flags=?, len=0.5, buf=?}');
});

test("addresses that nobody follows", () => {
  expect([0n, 0x7fff_1000n].map((value) => formatValue(address, value))).toEqual(["NULL", "0x7fff1000"]);
});
