// Headers of every kind, small ones of the test's own: what comes out of them, and what the tool has to say of mistakes in
// annotations.

import { describe, expect, test } from "vitest";
import type { Annotations } from "../annotations.ts";
import { checkAnnotations } from "../annotations-check.ts";
import { body, complaint } from "./header.ts";

describe("what C can say", () => {
  test("every kind of field", async () => {
    const header = `
      enum mode { SLOW = 3, FAST };
      typedef unsigned short tag_t;
      struct point { int x, y; };
      struct all {
        enum mode mode;
        const tag_t tag;
        struct point at, corners[2][3];
        union { unsigned char raw[4]; unsigned int number; } u[2];
        struct { long a; unsigned long long b; } nested;
        struct { short s; signed char t[4]; };
        char name[8];
        void *cookie;
        __extension__ _Bool on : 8;
      };`;
    expect(
      await body(header.replace(/.*_Bool.*/, "_Bool on;"), {
        types: { "struct all": { fields: { cookie: { as: "address" } } } },
      }),
    ).toBe(
      `
export const mode = {
  SLOW: 3,
  FAST: 4,
} as const;

/** struct point of my.h. */
export const point = struct({
  x: int,
  y: int,
});
export type point = Infer<typeof point>;

/** struct all of my.h. */
export const all = struct({
  mode: enumeration(uint, mode),
  tag: u16,
  at: point,
  corners: array(array(point, 3), 2),
  u: array(union(bytes(4), uint), 2),
  nested: struct({
    a: long,
    b: u64,
  }),
  s: i16,
  t: array(i8, 4),
  name: cstring(8),
  cookie: address,
  on: u8,
});
export type all = Infer<typeof all>;`.trim(),
    );
  });

  test("numbers of every kind", async () => {
    const header = `
      #define MY_RESET _IO('m', 1)
      #define MY_SPEED _IOWR('m', 0x82, int)
      #define MY_NAME _IOR(0xf5, 3, char[16])
      #define MY_OLD 0x1234
      #define MY_OLDER MY_OLD
      #define MY_SOME(n) _IOC(_IOC_WRITE, 'm', 4, n)
      enum { MY_LISTED = _IO('m', 9) };
      #define MY_LISTED MY_LISTED
      enum { MY_BARE = 77 };
      #define MY_NOTE "no number"`;
    const commands = {
      "MY_*": {},
      MY_OLD: { argument: "long", direction: "inout" },
      MY_OLDER: {},
      MY_SOME: { with: "sizeof(short)", argument: "short" },
      MY_LISTED: { argument: "address" },
      MY_BARE: { argument: "none" },
    } as const;
    expect(await body(header, { commands })).toBe(
      `
/** Integers behind an argument's pointer. */
const Int = struct({ value: int });
const Long = struct({ value: long });
const I16 = struct({ value: i16 });

export const MY_RESET = io("m", 1);
export const MY_SPEED = iowr("m", 0x82, Int);
export const MY_NAME = ior(0xf5, 3, cstring(16));
export const MY_OLD = command(0x1234, Long, "inout");
export const MY_SOME = iow("m", 4, I16);
export const MY_LISTED = command(0x6d09, "address");
export const MY_BARE = command(0x004d, "none");

export const MY_OLDER = MY_OLD;`.trim(),
    );
  });

  test("bits that have those of others come before them; what is no number fits no pattern", async () => {
    const header =
      '#define F_A (1 << 0)\n#define F_B 0x2\n#define F_AB (F_A | 0x2)\n#define F_TEXT "x"\n#define F_C 0x80000000';
    const constants = { F: { names: ["F_*"] } };
    const commands = { A: { argument: "int", direction: "in", flags: "F" } } as const;
    expect(await body(`${header}\n#define A 7`, { constants, commands })).toBe(
      `
export const F = {
  F_AB: 0x3,
  F_A: 0x1,
  F_B: 0x2,
  F_C: 0x80000000,
} as const;

export const A = command(0x0007, struct({ value: flags(int, F) }));`.trim(),
    );
  });
});

describe("what annotations say", () => {
  const header = `
    #define LIMIT 7
    #define F_IN 1
    struct item { unsigned long v; };
    struct box { unsigned flags; unsigned short n; struct item *items; void *raw; const char *text; int last[]; };`;

  test("pointers, lengths, directions, names of bits", async () => {
    const fields = {
      flags: { flags: "F", doc: "Bits." },
      items: { count: "n", max: "LIMIT", direction: '({ flags }) => (flags & F.F_IN ? "in" : "out")' },
      raw: {
        to: "struct item",
        direction: { field: "flags", mask: "F.F_IN", set: "inout", clear: "out" },
        nullable: true,
      },
      text: { count: "n", max: 99, as: "string", direction: "in" },
      last: { count: "({ n }: { n: number }) => n / 4", max: 3 },
    } as const;
    const constants = { F: { names: ["F_IN"] } };
    expect(await body(header, { constants, types: { "struct box": { doc: "A box", fields } } })).toContain(
      `
/** A box. struct box of my.h. */
export const box = struct({
  /** Bits. */
  flags: flags(uint, F),
  n: u16,
  items: ptr(array(item, "n", { max: 7 }), ({ flags }) => (flags & F.F_IN ? "in" : "out")),
  raw: ptr(item, flagged("flags", F.F_IN, "inout", "out"), { nullable: true }),
  text: ptr(cstring("n", { max: 99 }), "in"),
  last: array(int, ({ n }: { n: number }) => n / 4, { max: 3 }),
});`.trim(),
    );
  });

  test.each<[string, NonNullable<Annotations["types"]>, string]>([
    ["an unknown type", { "struct bax": {} }, 'types["struct bax"]: struct bax is not defined'],
    ["an unknown field", { "struct item": { fields: { w: {} } } }, 'types["struct item"]: there is no field w'],
    ["an unknown group", { "struct item": { fields: { v: { flags: "G" } } } }, "there is no group G"],
    [
      "an unknown limit",
      { "struct box": { fields: { items: { count: "n", max: "LIMITS", direction: "in" } } } },
      "LIMITS is no integer",
    ],
    ["a pointer without a word", { "struct box": {} }, "my.h:5: struct box.items: a pointer: say its direction"],
    [
      "a void pointer",
      { "struct box": { fields: { items: { as: "address" }, raw: { direction: "in" } } } },
      "box.raw: a void *: say",
    ],
    [
      "a count for an integer",
      { "struct item": { fields: { v: { count: "n", max: 2 } } } },
      "count is not for an integer",
    ],
    [
      "a count without limit",
      { "struct box": { fields: { items: { count: "n", direction: "in" } } } },
      "count and max belong together",
    ],
    [
      "an unknown nameless struct",
      { "struct item.v": {} },
      'types["struct item.v"]: nothing is laid out under this name',
    ],
    ["a choice of nothing", { "struct item": { choose: ["v"] } }, "choose: no anonymous union has a member v"],
  ])("%s", async (_, types, message) => {
    expect(await complaint(header, { types })).toContain(message);
  });

  test("a count that no field tells is seen, before the output is", async () => {
    const fields = {
      last: { count: "m", max: 3 },
      items: { as: "address" },
      raw: { as: "address" },
      text: { as: "address" },
    } as const;
    expect(await complaint(header, { types: { "struct box": { fields } } })).toContain(
      "struct box.last: count: there is no integer field m",
    );
  });

  test("a rule that is no TypeScript", async () => {
    const fields = { items: { direction: "({ flags }) => (flags" } } as const;
    const rest = { raw: { as: "address" }, text: { as: "address" }, last: { count: "n", max: 1 } } as const;
    expect(await complaint(header, { types: { "struct box": { fields: { ...fields, ...rest } } } })).toContain(
      "the output is no TypeScript",
    );
  });

  test.each<[string, string, Partial<Annotations>, string]>([
    ["an unknown command", "", { commands: { NO: {} } }, 'commands["NO"]: the headers have no such macro'],
    ["a pattern that fits nothing", "", { commands: { "NO_*": {} } }, "nothing in the headers fits NO_*"],
    [
      "an exception too many",
      "#define A_B _IO(1, 2)",
      { commands: { "A_*": {} }, except: ["A_C"] },
      "A_C excepts nothing",
    ],
    [
      "a plain number",
      "#define A 5",
      { commands: { A: {} } },
      "my.h:1: A: the number does not say what the argument is",
    ],
    [
      "no direction",
      "#define A 5",
      { commands: { A: { argument: "int" } } },
      "A: the number does not say the direction",
    ],
    [
      "a number with an undefined type",
      "#define A _IOR(1, 2, struct no)",
      { commands: { A: {} } },
      "my.h:1: A is no integer constant",
    ],
    ["parameters", "#define A(n) _IO(1, n)", { commands: { A: {} } }, "a macro with parameters: say by with"],
    [
      "a direction by value",
      "#define A 5",
      { commands: { A: { argument: "value", direction: "in" } } },
      "are for arguments in memory",
    ],
    [
      "a name twice",
      "struct A { int x; };\n#define A _IOR(1, 2, struct A)",
      { commands: { A: {} } },
      "A is a command and struct A",
    ],
    [
      "a word of the schema language",
      "struct flags { int x; };",
      { types: { "struct flags": {} } },
      "a word of the schema language",
    ],
    [
      "a constant beyond numbers",
      "#define A 0xffffffffffffffffULL",
      { constants: { G: { names: ["A"] } } },
      "beyond 2^53",
    ],
    ["a constant that is none", "", { constants: { G: { names: ["A"] } } }, "constants.G: A is no integer constant"],
  ])("%s", async (_, header, annotations, message) => {
    expect(await complaint(header, annotations)).toContain(message);
  });

  test.each<[unknown, string]>([
    [undefined, "my: must be an object"],
    [{ headers: ["a.h"], about: "x" }, "my: commands is missing"],
    [{ headers: [], about: "x", commands: {}, strcts: {} }, "strcts is no annotation; there are headers"],
    [
      { headers: [], about: "x", commands: { A: { direction: "up" } } },
      'commands["A"].direction: must be one of in, out',
    ],
    [
      { headers: [], about: "x", commands: {}, types: { s: { fields: { f: { max: 0 } } } } },
      'fields["f"].max: must be a positive',
    ],
  ])("a wrong shape: %j", (annotations, message) => {
    expect(() => checkAnnotations(annotations, "my")).toThrow(message);
  });
});
