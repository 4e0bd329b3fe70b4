// FUSD_TABLE: what the kernel gathers by the table must be what plan() ends up with by its rounds.

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { DeviceError, UsageError } from "../../src/errors.ts";
import {
  array,
  bytes,
  type Command,
  command,
  type DataModel,
  type Direction,
  flagged,
  flatTable,
  i8,
  io,
  plan,
  ptr,
  type Region,
  struct,
  u8,
  u16,
  u32,
} from "../../src/layout/index.ts";
import { encodeTable } from "../../src/wire/fusd-table.ts";
import { Client } from "./client.ts";
import { Gatherer } from "./gather.ts";
import { flat, flexible, linked } from "./schemas.ts";

/** A bound for a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];

interface Outcome {
  readonly errno: string;
  readonly input?: Uint8Array;
  readonly value?: unknown;
  readonly reply?: Uint8Array;
  readonly out?: readonly Region[];
}

function outcomeOf(act: () => Outcome): Outcome {
  try {
    return act();
  } catch (error) {
    if (error instanceof DeviceError) return { errno: error.code };
    throw error;
  }
}

/** What a handler would get, and its unchanged answer, by the rounds of the memory channel. */
function byRounds(command: Command, client: Client, arg: bigint): Outcome {
  const read = reader(client);
  return outcomeOf(() => {
    let asked: { in: readonly Region[]; out: readonly Region[] } = { in: [], out: [] };
    for (;;) {
      const input = concat(asked.in.map(({ base, len }) => read(base, len)));
      const outSize = asked.out.reduce((sum, { len }) => sum + len, 0);
      const step = plan(command, { model: client.model, arg, input, outSize });
      if (step.kind === "retry") asked = step;
      else {
        const reply = step.reply(step.value);
        return { errno: "none", input, value: step.value, reply, out: covered(asked.out, reply.length) };
      }
    }
  });
}

/** The same by the table. */
function byTable(command: Command, client: Client, arg: bigint): Outcome {
  const gatherer = new Gatherer(encodeTable(flatTable({ command })));
  return outcomeOf(() => {
    const gathered = gatherer.gather(command.number(client.model), client.model, arg, reader(client));
    if (gathered === "retry") throw new UsageError("the table does not tell");
    const { input, out } = gathered;
    const outSize = out.reduce((sum, { len }) => sum + len, 0);
    const step = plan(command, { model: client.model, arg, input, outSize, complete: true });
    if (step.kind === "retry") throw new UsageError("more is wanted");
    return { errno: "none", input, value: step.value, reply: step.reply(step.value), out };
  });
}

function reader(client: Client) {
  return (base: bigint, len: number) => {
    const { buffer, byteOffset } = client.at(base, len);
    return new Uint8Array(buffer, byteOffset, len).slice();
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The areas that a reply of so many bytes fills: without the tag that rounds have behind them. */
function covered(areas: readonly Region[], length: number): Region[] {
  let left = length;
  return areas.filter(({ len }) => {
    left -= len;
    return left >= 0;
  });
}

const direction = fc.constantFrom<Direction[]>("in", "out", "inout");
const anyCall = fc
  .oneof(linked(1), linked(2), linked(3), flexible, flat(2))
  .chain(({ schema, values }) =>
    fc.record({ schema: fc.constant(schema), value: values, direction, model: fc.constantFrom(...MODELS) }),
  );

test("the kernel gathers by the table what the rounds end up with, and its answer goes to the same places", () => {
  const edits = fc.array(fc.record({ at: fc.nat({ max: 300 }), byte: fc.oneof(fc.nat({ max: 4 }), fc.nat(255)) }), {
    maxLength: 4,
  });
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(anyCall, edits, ({ schema, value, direction, model }, edits) => {
      const client = new Client(model);
      const arg = client.store(schema.layout, value);
      for (const { at, byte } of edits) client.memory[at] = byte;
      const one = command(1, schema, direction);
      const expected = byRounds(one, client, arg);
      const outcome = byTable(one, client, arg);
      outcomes.set(outcome.errno, (outcomes.get(outcome.errno) ?? 0) + 1);
      // Which of several mistakes is found first differs: a level of the rounds is planned as a whole, then read.
      if (expected.errno !== "none") expect(outcome.errno).not.toBe("none");
      else expect(outcome).toEqual(expected);
    }),
    { numRuns: 3000 },
  );
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(["EFAULT", "EINVAL", "none"]));
  expect(outcomes.get("none")).toBeGreaterThan(1000);
});

const I2C_M_RD = 1;
const I2cMsg = struct({
  addr: u16,
  flags: u16,
  len: u16,
  buf: ptr(bytes("len", { max: 8192 }), flagged("flags", I2C_M_RD, "out", "in")),
});
const I2C_RDWR = command(0x0707, struct({ msgs: ptr(array(I2cMsg, "nmsgs", { max: 42 })), nmsgs: u32 }));

describe("a direction by a mask", () => {
  test.each(MODELS)("is the kernel's to follow, %s", (model) => {
    const client = new Client(model);
    const [written, read] = [Uint8Array.of(1, 2, 3), Uint8Array.of(9, 9)];
    const msgs = [
      { addr: 0x50, flags: 0, len: 3, buf: written },
      { addr: 0x50, flags: I2C_M_RD | 4, len: 2, buf: read },
    ];
    const { schema } = I2C_RDWR;
    const arg = client.store(schema?.layout ?? u8.layout, { msgs, nmsgs: 2 });
    const outcome = byTable(I2C_RDWR, client, arg);
    expect(outcome.value).toMatchObject({ msgs: [{ buf: written }, { buf: new Uint8Array(2) }] });
    expect(outcome.out?.map(({ len }) => len)).toEqual([2]);
    expect(outcome).toEqual(byRounds(I2C_RDWR, client, arg));
  });

  test("needs the field and its bits", () => {
    const field = (of: Parameters<typeof struct>[0]) => () => struct(of);
    const p = ptr(u8, flagged("flags", 0x80, "out", "in"));
    expect(field({ flags: u8, p })).not.toThrow();
    expect(field({ flagz: u8, p })).toThrow("no integer field");
    expect(field({ flags: bytes(1), p })).toThrow("no integer field");
    expect(field({ flags: i8, p: ptr(u8, flagged("flags", 0x100, "out", "in")) })).toThrow("has bits that");
    expect(() => flagged("flags", 0, "out", "in")).toThrow(UsageError);
    // @ts-expect-error: there is no such field
    expect(() => struct({ flagz: u8, p: ptr(u8, flagged("flags", 1, "in", "out")) })).toThrow();
  });
});

test("what takes JavaScript to tell goes in rounds, and the rest does not", () => {
  const Ruled = struct({ n: u8, p: ptr(bytes(({ n }: { n: number }) => n / 2, { max: 9 })) });
  const Turned = struct({ n: u8, p: ptr(u8, ({ n }) => (n > 3 ? "in" : "out")) });
  const Endless = struct({ many: array(struct({ p: ptr(u8) }), 5000) });
  const commands = { a: command(1, Ruled), b: command(2, Turned), c: command(3, Endless), d: I2C_RDWR, e: io("x", 1) };
  const { inRounds, commands: rows } = flatTable(commands);
  expect([...inRounds]).toEqual([commands.a, commands.b, commands.c]);
  expect(rows.filter(({ model }) => model === "ilp32").map(({ passing }) => passing)).toEqual([
    "rounds",
    "rounds",
    "rounds",
    "in",
    "none",
  ]);
  expect(new Gatherer(encodeTable(flatTable(commands))).gather(1, "lp64", 5n, () => new Uint8Array())).toBe("retry");
});
