// What the compiler knows of a schema, and what a definition must not say. The type-level lines are judged by tsc.

import { describe, expect, expectTypeOf, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import {
  array,
  bytes,
  type Command,
  command,
  cstring,
  encode,
  enumeration,
  flags,
  type Infer,
  i64,
  io,
  iow,
  long,
  offsetsOf,
  plan,
  ptr,
  type Schema,
  struct,
  u8,
  u16,
  u32,
  u64,
  union,
} from "../../src/layout/index.ts";

const I2C_M_RD = 1;

const I2cMsg = struct({
  addr: u16,
  flags: u16,
  len: u16,
  buf: ptr(bytes("len", { max: 8192 }), (m) => {
    expectTypeOf(m).toEqualTypeOf<{ addr: number; flags: number; len: number; buf: unknown }>();
    return m.flags & I2C_M_RD ? "inout" : "in";
  }),
});
type I2cMsg = Infer<typeof I2cMsg>;
const I2cRdwr = struct({ msgs: ptr(array(I2cMsg, "nmsgs", { max: 42 })), nmsgs: u32 });

describe("inferred types", () => {
  test("the author's example", () => {
    expectTypeOf<I2cMsg>().toEqualTypeOf<{ addr: number; flags: number; len: number; buf: Uint8Array }>();
    expectTypeOf<Infer<typeof I2cRdwr>>().toEqualTypeOf<{ msgs: I2cMsg[]; nmsgs: number }>();
    const I2C_RDWR = command(0x0707, I2cRdwr);
    expectTypeOf(I2C_RDWR).toEqualTypeOf<Command<{ msgs: I2cMsg[]; nmsgs: number }>>();
    const step = plan(I2C_RDWR, { model: "lp64", arg: 1n, input: new Uint8Array(), outSize: 0 });
    if (step.kind === "call") expectTypeOf(step.value.msgs).toEqualTypeOf<I2cMsg[]>();
    expect(step.kind).toBe("retry");
  });

  test("every kind of field", () => {
    const All = struct({
      byte: u8,
      wide: u64,
      signed: i64,
      word: long,
      mode: flags(u32, { O_RDWR: 2 }),
      format: enumeration(u64, { AFMT_U8: 8n }),
      raw: bytes(3),
      text: cstring(8),
      grid: array(array(u16, 2), 3),
      either: union(u8, u64),
      inner: I2cMsg,
      maybe: ptr(I2cMsg, "out", { nullable: true }),
      surely: ptr(u32, "out", { nullable: false }),
      tail: cstring("wide", { max: 10 }),
    });
    expectTypeOf<Infer<typeof All>>().toEqualTypeOf<{
      byte: number;
      wide: bigint;
      signed: bigint;
      word: number;
      mode: number;
      format: bigint;
      raw: Uint8Array;
      text: string;
      grid: number[][];
      either: Uint8Array;
      inner: I2cMsg;
      maybe: I2cMsg | null;
      surely: number;
      tail: string;
    }>();
    expectTypeOf(offsetsOf(All, "lp64").tail).toEqualTypeOf<number>();
    expect(offsetsOf(All, "lp64").wide).toBe(8);
  });

  test("arguments by value are numbers", () => {
    expectTypeOf(io("U", 20)).toEqualTypeOf<Command<number>>();
    expectTypeOf(command(0x540b)).toEqualTypeOf<Command<number>>();
    expectTypeOf(command(0x540c, "none")).toEqualTypeOf<Command<undefined>>();
    expect(command(0x540c, "none").direction).toBe("none");
  });

  test("encode takes only values of the schema", () => {
    // @ts-expect-error y is missing
    expect(() => encode(struct({ x: u8, y: u8 }), "lp64", { x: 1 })).toThrow(
      new UsageError("y: undefined is no u8 (number, 0 to 255)"),
    );
  });
});

describe("what a definition must not say", () => {
  test("a length that no field tells, or that is no integer", () => {
    // @ts-expect-error no field lem
    expect(() => struct({ len: u8, data: bytes("lem", { max: 4 }) })).toThrow(UsageError);
    // @ts-expect-error no field lem
    expect(() => struct({ len: u8, data: ptr(bytes("lem", { max: 4 })) })).toThrow(UsageError);
    // @ts-expect-error len is a string
    expect(() => struct({ len: cstring(4), data: ptr(bytes("len", { max: 4 })) })).toThrow(UsageError);
  });

  test("a count rule that reads no field of the struct", () => {
    // @ts-expect-error no field lem
    struct({ len: u16, buf: ptr(bytes(({ lem }: { lem: number }) => lem, { max: 9 })) });
    // @ts-expect-error len is a bigint
    struct({ len: u64, buf: ptr(bytes(({ len }: { len: number }) => len, { max: 9 })) });
    // @ts-expect-error a rule has a limit
    expect(() => struct({ len: u16, buf: ptr(bytes(({ len }: { len: number }) => len)) })).toThrow("a rule");
  });

  test("a direction function that reads no field of the struct", () => {
    // @ts-expect-error no field flagz
    const wrong = struct({ flags: u8, p: ptr(u8, (m) => (m.flagz ? "in" : "out")) });
    expectTypeOf<Infer<typeof wrong>>().toEqualTypeOf<{ flags: number; p: number }>();
  });

  const flexible = struct({ n: u8, data: bytes("n", { max: 4 }) });

  test.each<[string, () => unknown]>([
    ["a struct of nothing", () => struct({})],
    ["a field that C cannot name", () => struct({ "0": u8 })],
    ["a count of nothing", () => bytes(0)],
    ["a count that is no integer", () => array(u8, 1.5)],
    ["a limit of nothing", () => struct({ n: u8, data: bytes("n", { max: 0 }) })],
    ["a flexible array before the end", () => struct({ n: u8, data: bytes("n", { max: 4 }), more: u8 })],
    ["a flexible struct inside of another", () => struct({ inner: flexible })],
    ["an array of flexible structs", () => array(flexible, 2)],
    ["an array of pointers", () => array(ptr(u8), 2)],
    ["a pointer to a pointer", () => ptr(ptr(u8))],
    ["a union with a pointer in it", () => union(u8, struct({ p: ptr(u8) }))],
    ["a flexible union", () => union(flexible)],
    ["an empty union", () => union()],
    ["a command whose argument is the pointer again", () => command(1, ptr(u8))],
    ["an argument too big for an ioctl number", () => iow("x", 1, bytes(16384))],
    ["a type of two letters", () => io("xx", 1)],
    ["a nr beyond 8 bits", () => io("x", 256)],
    ["a number beyond 32 bits", () => command(2 ** 32)],
  ])("%s", (_, define) => {
    expect(define).toThrow(UsageError);
  });

  test("a length by name with no struct around it", () => {
    // @ts-expect-error nothing has a field n
    expect(() => command(1, bytes("n", { max: 4 }))).toThrow(UsageError);
    // @ts-expect-error nothing has a field n
    expect(() => iow("x", 1, bytes("n", { max: 4 }))).toThrow(UsageError);
  });
});

test("a schema without parent fits where any schema is taken", () => {
  expectTypeOf(I2cRdwr).toExtend<Schema>();
  expectTypeOf(I2C_BUF).toExtend<Schema>();
  expect(I2C_BUF.layout.kind).toBe("pointer");
});
const I2C_BUF = ptr(bytes("len", { max: 8192 }));
