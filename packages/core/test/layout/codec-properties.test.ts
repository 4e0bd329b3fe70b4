// C's rules of layout, hostile bytes, and values that do not fit, on random schemas without pointers.

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { DeviceError, UsageError } from "../../src/errors.ts";
import { codecOf } from "../../src/layout/codec.ts";
import {
  alignOf,
  type DataModel,
  decode,
  encode,
  enumeration,
  flags,
  offsetsOf,
  sizeOf,
  u16,
  u32,
} from "../../src/layout/index.ts";
import { counted, type Layout } from "../../src/layout/layout.ts";
import { type Case, flat, flexible } from "./schemas.ts";

/** A bound for a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];
const model = fc.constantFrom(...MODELS);
const withValue = (cases: fc.Arbitrary<Case>) =>
  cases.chain(({ schema, values }) => fc.record({ schema: fc.constant(schema), value: values, model }));

function structs(layout: Layout): Layout[] {
  if (layout.kind === "struct") return [layout, ...layout.fields.flatMap((field) => structs(field.layout))];
  return "item" in layout ? structs(layout.item) : [];
}

/** Where each byte of data is; what is missing is padding. */
function dataBytes(layout: Layout, model: DataModel, at: number): number[] {
  const { size } = codecOf(layout, model);
  if (layout.kind === "struct")
    return layout.fields.flatMap((field) => {
      const offset = codecOf(layout, model).offsets[field.name] ?? Number.NaN;
      return dataBytes(field.layout, model, at + offset);
    });
  if (layout.kind !== "array") return Array.from({ length: size }, (_, index) => at + index);
  const item = codecOf(layout.item, model).size;
  return Array.from({ length: size / item }, (_, index) => dataBytes(layout.item, model, at + index * item)).flat();
}

test("every struct is laid out by C's rules: in order, aligned, without overlap or a needless gap", () => {
  fc.assert(
    fc.property(flat(3), model, ({ schema }, model) => {
      for (const layout of structs(schema.layout)) {
        if (layout.kind !== "struct") continue;
        const offsets: Readonly<Record<string, number>> = offsetsOf({ layout }, model);
        let end = 0;
        let align = 1;
        for (const field of layout.fields) {
          const inner = alignOf({ layout: field.layout }, model);
          const offset = offsets[field.name] ?? Number.NaN;
          expect(offset % inner).toBe(0);
          expect(offset - end).toBeGreaterThanOrEqual(0);
          expect(offset - end).toBeLessThan(inner);
          end = offset + sizeOf({ layout: field.layout }, model);
          align = Math.max(align, inner);
        }
        expect(alignOf({ layout }, model)).toBe(align);
        expect(sizeOf({ layout }, model)).toBe(Math.ceil(end / align) * align);
      }
    }),
    { numRuns: 1000 },
  );
});

function hasText(layout: Layout): boolean {
  if (layout.kind === "struct") return layout.fields.some((field) => hasText(field.layout));
  return layout.kind === "cstring" || ("item" in layout && hasText(layout.item));
}

test("bytes of no meaning: an errno, or a value that gives back each of them but padding, which is zeroed", () => {
  const bytes = fc.infiniteStream(fc.nat({ max: 255 }));
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(flat(3), model, bytes, ({ schema }, model, bytes) => {
      const data = Uint8Array.from({ length: sizeOf(schema, model) }, () => bytes.next().value);
      let value: unknown;
      try {
        value = decode(schema, model, data);
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        outcomes.add(error.code);
        return;
      }
      const encoded = encode(schema, model, value);
      outcomes.add("value");
      // Not so of strings: what follows the NUL, and what is no UTF-8, is lost.
      if (hasText(schema.layout)) return;
      const expected = new Uint8Array(data.length);
      for (const at of dataBytes(schema.layout, model, 0)) expected[at] = data[at] ?? 0;
      expect(encoded).toEqual(expected);
    }),
    { numRuns: 2000 },
  );
  // EOVERFLOW: a long beyond 2^53.
  expect([...outcomes].sort()).toEqual(["EOVERFLOW", "value"]);
});

test("a flexible array in bytes of no meaning: the items that the length tells, or EINVAL or EOVERFLOW", () => {
  const small = fc.uint8Array({ maxLength: 200 }).map((bytes) => bytes.map((byte, at) => (at < 2 ? byte & 3 : byte)));
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(flexible, model, fc.oneof(small, fc.uint8Array({ maxLength: 200 })), ({ schema }, model, data) => {
      try {
        const { n, tail } = Object.fromEntries(Object.entries(decode(schema, model, data) ?? {}));
        expect(tail).toHaveLength(Number(n));
        outcomes.add("value");
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        outcomes.add(error.code);
      }
    }),
    { numRuns: 2000 },
  );
  expect([...outcomes]).toEqual(expect.arrayContaining(["EINVAL", "value"]));
  expect(["EINVAL", "EOVERFLOW", "value"]).toEqual(expect.arrayContaining([...outcomes]));
});

/** A leaf of a value: its path as errors name it, its layout, and how to store another in its place. */
interface Leaf {
  readonly path: string;
  readonly layout: Layout;
  readonly replace: (value: unknown) => void;
}

function leaves(layout: Layout, value: unknown, path: string, replace: (value: unknown) => void): Leaf[] {
  if (layout.kind === "struct") {
    const fields: Record<string, unknown> = typeof value === "object" && value !== null ? Object(value) : {};
    return layout.fields.flatMap(({ name, layout }) =>
      leaves(counted(layout, fields), fields[name], path === "" ? name : `${path}.${name}`, (other) => {
        fields[name] = other;
      }),
    );
  }
  if (layout.kind === "array" && Array.isArray(value))
    return value.flatMap((item, index) =>
      leaves(layout.item, item, `${path}[${index}]`, (other) => {
        value[index] = other;
      }),
    );
  return [{ path, layout, replace }];
}

/** What no field of this layout can hold. */
function misfits({ kind, ...layout }: Layout): fc.Arbitrary<unknown> {
  const never: unknown[] = [undefined, null, Number.NaN, 0.5, Number.POSITIVE_INFINITY, true, {}, [1, 2]];
  if (kind === "scalar") never.push("1", 2n ** 64n, -(2n ** 63n) - 1n, 2 ** 64, new Uint8Array(1));
  else if (kind === "cstring") never.push(1, 1n, new Uint8Array(1));
  else
    never.push(
      1,
      "text",
      new Uint8Array("count" in layout && typeof layout.count === "number" ? layout.count + 1 : 99),
    );
  return fc.constantFrom(...never);
}

test("a value with one field that does not fit is a UsageError that begins with the path of that field", () => {
  const spoilt = withValue(fc.oneof(flat(3), flexible)).chain(({ schema, value, model }) => {
    const found = leaves(schema.layout, structuredClone(value), "", () => undefined).filter(({ path }) => path !== "");
    const none = fc.constant({ schema, value, model, at: -1, misfit: undefined as unknown });
    if (found.length === 0) return none;
    return fc.nat({ max: found.length - 1 }).chain((at) => {
      const leaf = found[at];
      return leaf === undefined
        ? none
        : fc.record({
            schema: fc.constant(schema),
            value: fc.constant(value),
            model: fc.constant(model),
            at: fc.constant(at),
            misfit: misfits(leaf.layout),
          });
    });
  });
  let spoiltOnes = 0;
  fc.assert(
    fc.property(spoilt, ({ schema, value, model, at, misfit }) => {
      if (at < 0) return;
      const broken = structuredClone(value);
      const leaf = leaves(schema.layout, broken, "", () => undefined).filter(({ path }) => path !== "")[at];
      leaf?.replace(misfit);
      spoiltOnes++;
      let thrown: unknown;
      try {
        encode(schema, model, broken);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(UsageError);
      // A flexible array's length that does not fit is found when its items are counted.
      const message = thrown instanceof Error ? thrown.message : "";
      expect(message.startsWith(`${leaf?.path}: `) || message.startsWith("n is ")).toBe(true);
    }),
    { numRuns: 1500 },
  );
  expect(spoiltOnes).toBeGreaterThan(500);
});

test("names of bits and values change nothing of how a number is stored", () => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffff_ffff }), model, (n, model) => {
      const named = [flags(u32, { A: 1, B: 0x8000_0000 }), enumeration(u32, { ZERO: 0, ONE: 1 })];
      for (const schema of named) {
        expect(encode(schema, model, n)).toEqual(encode(u32, model, n));
        expect(decode(schema, model, encode(u32, model, n))).toBe(n);
      }
      expect(() => encode(flags(u16), model, 0x1_0000 + n)).toThrow(UsageError);
    }),
  );
});
