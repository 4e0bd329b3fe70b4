// What a run makes of the client's words: the suite's own judgement can go red.

import { expect, test } from "vitest";
import { judge, listCases } from "../suite.ts";
import { tapPlan, tapPoint } from "../tap.ts";
import { declared, UNSUPPORTED } from "../unsupported.ts";

const ENTRY = { channel: "cuse", cases: /x/, reason: "the kernel has no such thing" } as const;

test("a failure, an undeclared skip and a declared case that passes are failures", () => {
  expect(judge("ok", "", undefined)).toEqual({ outcome: "passed", text: "" });
  expect(judge("not ok", "why", undefined)).toEqual({ outcome: "failed", text: "why" });
  expect(judge("skip", "no sound", undefined).outcome).toBe("failed");
  expect(judge("not ok", "why", ENTRY)).toEqual({ outcome: "unsupported", text: ENTRY.reason });
  expect(judge("ok", "", ENTRY).outcome).toBe("failed");
});

test("TAP 14: a skip with its reason, a failure with what was said", () => {
  const one = { name: "read/x", needs: [], bits: "32", text: "a\nb", ms: 1 } as const;
  expect(tapPoint(3, { ...one, outcome: "unsupported", text: "why" })).toBe("ok 3 - 32/read/x # SKIP why\n");
  expect(tapPoint(4, { ...one, outcome: "failed" })).toBe(
    "not ok 4 - 32/read/x\n  ---\n  message: |\n    a\n    b\n  ...\n",
  );
  expect(tapPlan([{ ...one, outcome: "passed" }])).toBe("1..1\n# 1 passed, 0 unsupported, 0 failed\n");
});

test("every declaration is about a case that exists", async () => {
  const cases = await listCases("64");
  for (const entry of UNSUPPORTED) {
    const found = cases.filter(
      ({ name, needs }) => entry.cases?.test(name) ?? (entry.need !== undefined && needs.includes(entry.need)),
    );
    expect(found, `${entry.channel}: ${entry.reason}`).not.toEqual([]);
  }
});

test("a kernel line is told by its release", () => {
  const one = { name: "offset/pread-is-espipe", needs: [] };
  expect(declared(one, { channel: "cuse", bits: "64", kernel: "6.12.1" })?.reason).toMatch(/noop_llseek/);
  expect(declared(one, { channel: "fuse", bits: "64", kernel: "6.12.1" })).toBeUndefined();
});
