// The planner on random schemas, random values, random requests, and memory that changes between the rounds.

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { codecOf } from "../../src/layout/codec.ts";
import { command, type DataModel, type Direction, plan, type Region, type Schema } from "../../src/layout/index.ts";
import { counted, depthOf, type Layout } from "../../src/layout/layout.ts";
import { Client, errnoOf } from "./client.ts";
import { flat, flexible, linked } from "./schemas.ts";

/** A bound for a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];

interface Way {
  readonly direction: Direction;
  /** Whether the leaf's part is also read because it holds pointers or lengths. */
  readonly linked: boolean;
}

type Change = (leaf: unknown, way: Way) => unknown;

/** The value with each leaf but lengths changed; a change learns how the leaf's part is copied. */
function mapLeaves(layout: Layout, value: unknown, way: Way, change: Change): unknown {
  if (value === null) return null;
  if (layout.kind === "array" && Array.isArray(value)) {
    return value.map((item) => mapLeaves(layout.item, item, way, change));
  }
  if (layout.kind !== "struct") return change(value, way);
  const struct: Record<string, unknown> = Object.fromEntries(Object.entries(value ?? {}));
  for (const { name, layout: field } of layout.fields) {
    if (name === "n") continue;
    const inner = field.kind === "pointer" ? counted(field.target, struct) : counted(field, struct);
    const direction = field.kind === "pointer" ? field.direction(struct) : way.direction;
    const own = field.kind === "pointer" || inner !== field;
    struct[name] = mapLeaves(inner, struct[name], own ? { direction, linked: depthOf(inner) > 1 } : way, change);
  }
  return struct;
}

/** What a handler sees: nothing of what is only written to. */
const seen: Change = (leaf, { direction, linked }) => {
  if (direction !== "out" || linked) return leaf;
  if (leaf instanceof Uint8Array) return new Uint8Array(leaf.length);
  if (typeof leaf === "string") return "";
  return typeof leaf === "bigint" ? 0n : 0;
};

/** A change that fits wherever the old leaf did. */
const changed: Change = (leaf) => {
  if (leaf instanceof Uint8Array) return leaf.map((byte) => byte ^ 1);
  if (typeof leaf === "string") return leaf.slice(1);
  if (typeof leaf === "bigint") return leaf === 0n ? 1n : 0n;
  return leaf === 0 ? 1 : 0;
};

const written: Change = (leaf, way) => (way.direction === "in" ? leaf : changed(seen(leaf, way), way));

const direction = fc.constantFrom<Direction[]>("in", "out", "inout");
const anyCall = fc
  .oneof(linked(1), linked(2), linked(3), flexible, flat(2))
  .chain(({ schema, values }) =>
    fc.record({ schema: fc.constant(schema), value: values, direction, model: fc.constantFrom(...MODELS) }),
  );

/** The argument's own way, and its layout without a pointer's pretence. */
function rootWay(schema: Schema, direction: Direction): Way {
  return { direction, linked: depthOf(schema.layout) > 1 };
}

test("a handler sees what is in the client's memory, and the client what the handler changed", () => {
  fc.assert(
    fc.property(anyCall, ({ schema, value, direction, model }) => {
      const client = new Client(model);
      const arg = client.store(schema.layout, value);
      const way = rootWay(schema, direction);
      let rounds = 0;
      client.ioctl(command(1, schema, direction), arg, (got) => {
        rounds = client.rounds;
        expect(got).toEqual(mapLeaves(schema.layout, client.load(schema.layout, arg), way, seen));
        const after = mapLeaves(schema.layout, got, way, changed);
        if (typeof got === "object" && got !== null && !Array.isArray(got) && !(got instanceof Uint8Array)) {
          Object.assign(got, after);
        }
      });
      expect(rounds).toBeLessThanOrEqual(depthOf(schema.layout) + 1);
      if (schema.layout.kind !== "struct") return;
      expect(client.load(schema.layout, arg)).toEqual(mapLeaves(schema.layout, value, way, written));
    }),
    { numRuns: 1000 },
  );
});

test("memory that changes between rounds gives a call or an errno, within the bound of rounds", () => {
  const edits = fc.array(
    fc.record({
      round: fc.integer({ min: 1, max: 5 }),
      at: fc.nat({ max: 200 }),
      byte: fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 255 })),
    }),
    { maxLength: 8 },
  );
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(anyCall, edits, ({ schema, value, direction, model }, edits) => {
      const client = new Client(model);
      const arg = client.store(schema.layout, value);
      client.beforeRound = (round) => {
        for (const edit of edits) if (edit.round === round) client.memory[edit.at] = edit.byte;
      };
      outcomes.add(errnoOf(() => client.ioctl(command(1, schema, direction), arg, () => undefined)));
      expect(client.rounds).toBeLessThanOrEqual(depthOf(schema.layout) + 1);
    }),
    { numRuns: 3000 },
  );
  expect([...outcomes].sort()).toEqual(expect.arrayContaining(["EFAULT", "EINVAL", "none"]));
});

test("whatever a request brings, the plan is a call, a retry for more, or an errno", () => {
  fc.assert(
    fc.property(
      anyCall,
      fc.uint8Array({ maxLength: 300 }),
      fc.nat({ max: 300 }),
      ({ schema, direction, model }, input, outSize) => {
        const code = errnoOf(() => {
          const step = plan(command(1, schema, direction), { model, arg: 0x1000n, input, outSize });
          if (step.kind === "call") {
            expect(step.reply(step.value).length).toBeLessThanOrEqual(outSize);
          } else {
            const size = [...step.in, ...step.out].reduce((sum, { len }) => sum + len, 0);
            expect(size).toBeGreaterThan(input.length + outSize);
          }
        });
        expect(["none", "EFAULT", "EINVAL", "EOVERFLOW", "ENOMEM"]).toContain(code);
      },
    ),
    { numRuns: 3000 },
  );
});

/** Addresses in the client's memory: where each pointer is that can be got at, and the areas that a reply may write to. */
interface Reach {
  readonly pointers: bigint[];
  readonly outs: Region[];
}

/** Follows a value in memory, without the planner, as far as it leads. */
function explore(client: Client, layout: Layout, address: bigint, direction: Direction, reach: Reach): void {
  const { size } = codecOf(layout, client.model);
  if (direction !== "in") reach.outs.push({ base: address, len: size });
  if (layout.kind === "array") {
    const item = codecOf(layout.item, client.model).size;
    for (let at = 0; at < size; at += item) explore(client, layout.item, address + BigInt(at), "in", reach);
  }
  if (layout.kind !== "struct") return;
  const fields = client.fieldsOf(layout, address);
  const teller = fields.find(({ name }) => name === "n");
  const told = teller === undefined ? {} : { n: client.load(teller.layout, teller.address) };
  for (const { layout: field, address: place } of fields) {
    if (field.kind === "pointer") {
      const target = client.readPointer(place);
      reach.pointers.push(place);
      const inner = counted(field.target, told);
      if (target !== 0n && codecOf(inner, client.model).size > 0)
        explore(client, inner, target, field.direction(told), reach);
    } else {
      const inner = counted(field, told);
      explore(client, inner, place, inner === field ? "in" : direction, reach);
    }
  }
}

/** As explore(), in memory that may lead nowhere. */
function explored(client: Client, layout: Layout, address: bigint, direction: Direction): Reach {
  const reach: Reach = { pointers: [], outs: [] };
  errnoOf(() => explore(client, layout, address, direction, reach));
  return reach;
}

/** NULL, where the schema does not allow for it and a length of 0 does not excuse it. */
function hasForbiddenNull(layout: Layout, value: unknown): boolean {
  if (layout.kind === "array" && Array.isArray(value)) return value.some((item) => hasForbiddenNull(layout.item, item));
  if (layout.kind !== "struct") return false;
  const fields: Record<string, unknown> = Object.fromEntries(Object.entries(value ?? {}));
  return layout.fields.some(({ name, layout: field }) => {
    if (field.kind !== "pointer") return hasForbiddenNull(field, fields[name]);
    return fields[name] === null ? !field.nullable : hasForbiddenNull(field.target, fields[name]);
  });
}

const UNMAPPED = 0xdead_0000n;
/** Of a Client's memory. */
const LAST_BYTE = 0x10_0000n + 256n * 1024n - 1n;

test("wherever pointers lead: what a direct reading finds, or an errno; and only out areas are written", () => {
  const edit = fc.record({
    pointer: fc.nat({ max: 20 }),
    to: fc.constantFrom("null", "unmapped", "itself", "root", "other", "inside", "end" as const),
    other: fc.nat({ max: 20 }),
  });
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(anyCall, fc.array(edit, { maxLength: 3 }), ({ schema, value, direction, model }, edits) => {
      const client = new Client(model);
      const { layout } = schema;
      const arg = client.store(layout, value);
      for (const { pointer, to, other } of edits) {
        const { pointers } = explored(client, layout, arg, direction);
        const [place, another] = [pointers[pointer % pointers.length], pointers[other % pointers.length]];
        if (place === undefined || another === undefined) continue;
        const elsewhere = client.readPointer(another);
        const places = { null: 0n, unmapped: UNMAPPED, itself: place, root: arg, other: elsewhere, end: LAST_BYTE };
        client.writePointer(place, to === "inside" ? elsewhere + 1n : places[to]);
      }
      const { outs } = explored(client, layout, arg, direction);
      const before = client.memory.slice();
      let direct: unknown;
      const reading = errnoOf(() => {
        direct = client.load(layout, arg);
      });
      const way = rootWay(schema, direction);
      const outcome = errnoOf(() =>
        client.ioctl(command(1, schema, direction), arg, (got) => {
          if (reading === "none") expect(got).toEqual(mapLeaves(layout, direct, way, seen));
          const after = mapLeaves(layout, got, way, changed);
          if (layout.kind === "struct" && typeof got === "object" && got !== null) Object.assign(got, after);
        }),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect(client.rounds).toBeLessThanOrEqual(depthOf(layout) + 1);
      if (reading === "none") expect(outcome).toBe(hasForbiddenNull(layout, direct) ? "EFAULT" : "none");
      else expect(["none", "EFAULT", "EINVAL", "EOVERFLOW"]).toContain(outcome);
      const writable = new Set<number>();
      for (const { base, len } of outs) for (let at = 0; at < len; at++) writable.add(Number(base - 0x10_0000n) + at);
      const wrong = client.memory.findIndex((byte, at) => byte !== before[at] && !writable.has(at));
      expect(wrong).toBe(-1);
    }),
    { numRuns: 2000 },
  );
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(["EFAULT", "none"]));
  expect(outcomes.get("none")).toBeGreaterThan(500);
});

test("what is asked for stays within the channel's limits, whatever a request brings", () => {
  const limit = fc.record({ regions: fc.nat({ max: 12 }), bytes: fc.nat({ max: 200 }) });
  fc.assert(
    fc.property(
      anyCall,
      fc.uint8Array({ maxLength: 120 }),
      fc.nat({ max: 60 }),
      limit,
      (call, data, outSize, limits) => {
        const { schema, direction, model } = call;
        const small = data.map((byte) => (byte & 4 ? byte & 3 : byte));
        errnoOf(() => {
          const request = { model, arg: 0x1000n, input: small, outSize };
          const step = plan(command(1, schema, direction), request, limits);
          if (step.kind === "call") return;
          const bytes = (areas: readonly Region[]) => areas.reduce((sum, { len }) => sum + len, 0);
          expect(step.in.length + step.out.length).toBeLessThanOrEqual(limits.regions);
          expect(Math.max(bytes(step.in), bytes(step.out))).toBeLessThanOrEqual(limits.bytes);
          for (const { base, len } of [...step.in, ...step.out]) {
            expect(len).toBeGreaterThan(0);
            expect(base).not.toBe(0n);
          }
        });
      },
    ),
    { numRuns: 3000 },
  );
});
