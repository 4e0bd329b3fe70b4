// What C can say and a schema cannot, and headers that are none: the tool names the place, and what to do.

import { describe, expect, test } from "vitest";
import { complaint } from "./header.ts";

describe("what a schema cannot say", () => {
  test.each<[string, string, string]>([
    ["a bit-field", "struct s {\n  int a : 3;\n};", "my.h:2: struct s.a: bit-fields have no schema"],
    ["a packed struct", "struct s { char a; int b; } __attribute__((packed));", "my.h:1: struct s.b: for lp64 callers"],
    ["an aligned field", "struct s { int a; int b __attribute__((aligned(16))); };", "struct s.b: for lp64 callers"],
    [
      "what differs for 32 bits alone",
      "struct s { int a; long long b __attribute__((aligned(8))); };",
      "struct s.b: for ilp32 callers",
    ],
    [
      "an anonymous union",
      "struct s { int k; union { int a; long b; }; };",
      'the one member to have in types["struct s"].choose: a, b',
    ],
    ["a function pointer", "struct s { void (*f)(int); };", "my.h:1: struct s.f: the type void (*)(int) is no data"],
    ["floating point", "struct s { double d; };", "my.h:1: struct s.d: double is not defined, or not a type"],
    ["an array of pointers", "struct s { int *p[3]; };", "struct s.p: an array of pointers"],
    ["a flexible array without a word", "struct s { int n; int v[]; };", "struct s.v: a flexible array: say by count"],
    ["an empty struct", "struct s { };", "a struct without fields"],
    ["a struct that is declared only", "struct s;", "struct s is not defined"],
  ])("%s", async (_, header, message) => {
    expect(await complaint(header, { types: { "struct s": {} } })).toContain(message);
  });

  test("a struct that points to itself", async () => {
    const types = { "struct s": { fields: { next: { direction: "in" } } } } as const;
    expect(await complaint("struct s { struct s *next; };", { types })).toContain("my.h:1: struct s: points to itself");
  });

  test("a pointer that is followed, in a union", async () => {
    const types = { "union u": { fields: { p: { direction: "in" } } } } as const;
    expect(await complaint("union u { int *p; long n; };", { types })).toContain("my.h:1: union u: a union's members");
  });

  test("an argument that is too large for its number", async () => {
    const header = "struct s { char a[20000]; };\n#define A _IOR('a', 1, struct s)";
    expect(await complaint(header, { commands: { A: {} } })).toContain("my.h:2: A: 20000 bytes are more");
  });

  test("a member of an anonymous union that does not stand for all of it", async () => {
    const header = "struct s { int k; union { int a; long b; }; };";
    expect(await complaint(header, { types: { "struct s": { choose: ["a"] } } })).toContain(
      "struct s.a: for lp64 callers",
    );
  });

  test("headers that are missing, or do not compile", async () => {
    expect(await complaint("#include <no/such.h>", {})).toContain("'no/such.h' file not found");
    expect(await complaint("struct s { int x };\nint ]", {})).toMatch(
      /the headers do not compile:\n.*my\.h:2:5: error/s,
    );
    expect(await complaint("#error not for you", {})).toContain("not for you");
  });

  test("a header that shadows the tool's own names, or is endless", async () => {
    expect(
      await complaint("enum { devlift_probe_0 = 1 };\n#define A 5", { commands: { A: { argument: "value" } } }),
    ).toContain("A is no integer");
    expect(await complaint('#include "my.h"', {})).toContain("#include nested too deeply");
  });
});
