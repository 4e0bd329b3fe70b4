// Random schemas, each with its random values, for property tests. A case lives for one run of a property.

import fc from "fast-check";
import {
  address,
  array,
  bytes,
  cstring,
  type Direction,
  i8,
  i16,
  i32,
  i64,
  kernelLong,
  kernelUlong,
  long,
  ptr,
  type Schema,
  sizeOf,
  struct,
  u8,
  u16,
  u32,
  u64,
  ulong,
  union,
} from "../../src/layout/index.ts";

type Alone = Schema<unknown, unknown, unknown>;

export interface Case {
  readonly schema: Alone;
  readonly values: fc.Arbitrary<unknown>;
}

/** Of lengths that fields tell. */
const MAX = 3;

const int32 = fc.integer();
const uint32 = fc.nat({ max: 0xffff_ffff });

/** What differs between data models comes last, and holds what fits 32 bits, so that one value serves all of them. */
const SCALARS: readonly Case[] = [
  { schema: u8, values: fc.nat({ max: 0xff }) },
  { schema: i8, values: fc.integer({ min: -0x80, max: 0x7f }) },
  { schema: u16, values: fc.nat({ max: 0xffff }) },
  { schema: i16, values: fc.integer({ min: -0x8000, max: 0x7fff }) },
  { schema: u32, values: uint32 },
  { schema: i32, values: int32 },
  { schema: u64, values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { schema: i64, values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { schema: long, values: int32 },
  { schema: ulong, values: uint32 },
  { schema: kernelLong, values: int32 },
  { schema: kernelUlong, values: uint32 },
  { schema: address, values: uint32.map(BigInt) },
];

const count = fc.integer({ min: 1, max: 9 });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const leaf: fc.Arbitrary<Case> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SCALARS) },
  count.map((n) => ({ schema: bytes(n), values: exactly(n) })),
  count.map((n) => ({
    schema: cstring(n),
    values: fc.string({ maxLength: n - 1 }).map((text) => text.replaceAll("\0", "")),
  })),
);

const unionCase: fc.Arbitrary<Case> = fc
  .array(fc.constantFrom(...SCALARS.slice(0, 8)), { minLength: 1, maxLength: 3 })
  .map((members) => {
    const schema = union(...members.map((member) => member.schema));
    return { schema, values: exactly(sizeOf(schema, "lp64")) };
  });

/** A struct of the given fields, in their order. */
export function structOf(fields: readonly Case[]): Case {
  const named = fields.map((field, index) => [`f${index}`, field] as const);
  return {
    schema: struct(Object.fromEntries(named.map(([name, { schema }]) => [name, schema]))),
    values: fc.record(Object.fromEntries(named.map(([name, { values }]) => [name, values]))),
  };
}

/** Layouts without pointers and of a fixed size, nested up to `depth`. */
export function flat(depth: number): fc.Arbitrary<Case> {
  if (depth === 0) return fc.oneof(leaf, unionCase);
  const inner = flat(depth - 1);
  const arrays = fc.tuple(inner, fc.integer({ min: 1, max: 4 })).map(([item, n]) => ({
    schema: array(item.schema, n),
    values: fc.array(item.values, { minLength: n, maxLength: n }),
  }));
  return fc.oneof(inner, arrays, fc.array(inner, { minLength: 1, maxLength: 5 }).map(structOf));
}

/** A struct that ends in a flexible array whose length it tells. */
export const flexible: fc.Arbitrary<Case> = fc.tuple(flat(1), flat(1)).map(([head, item]) => ({
  schema: struct({ n: u16, head: head.schema, tail: array(item.schema, "n", { max: MAX }) }),
  values: fc
    .tuple(head.values, fc.array(item.values, { maxLength: MAX }))
    .map(([head, tail]) => ({ n: tail.length, head, tail })),
}));

/** Layouts with pointers of every kind, `depth` levels below each other, each level flat or again linked. */
export function linked(depth: number): fc.Arbitrary<Case> {
  const direction = fc.constantFrom<Direction[]>("in", "out", "inout");
  const below = depth === 1 ? flat(1) : fc.oneof(flat(1), linked(depth - 1));
  const target = fc.oneof({ weight: 3, arbitrary: below }, { weight: 1, arbitrary: flexible });
  const toOne = fc.tuple(target, direction, fc.boolean()).map(([inner, way, nullable]) => ({
    schema: struct({ tag: u8, p: ptr(inner.schema, way, { nullable }) }),
    values: fc.record({ tag: fc.nat({ max: 0xff }), p: nullable ? fc.option(inner.values) : inner.values }),
  }));
  const toMany = fc.tuple(below, direction).map(([inner, way]) => ({
    schema: struct({ p: ptr(array(inner.schema, "n", { max: MAX }), way), n: u64 }),
    values: fc.array(inner.values, { maxLength: MAX }).map((p) => ({ p, n: BigInt(p.length) })),
  }));
  const toBytes = direction.map((way) => ({
    schema: struct({ n: i16, p: ptr(bytes("n", { max: 40 }), way) }),
    values: fc.uint8Array({ maxLength: 40 }).map((p) => ({ p, n: p.length })),
  }));
  const one = fc.oneof(toOne, toMany, toBytes);
  return fc.oneof(one, fc.tuple(one, flat(1), one).map(structOf));
}
