// The planner on random schemas, random values, random requests, and memory that changes between the rounds.

import fc from "fast-check";
import { expect, test } from "vitest";
import { command, type DataModel, type Direction, plan, type Schema } from "../../src/layout/index.ts";
import { counted, depthOf, type Layout } from "../../src/layout/layout.ts";
import { Client, errnoOf } from "./client.ts";
import { flat, flexible, linked } from "./schemas.ts";

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
