// The test runner's own verdict: it has to go red for everything that is not a pass.

import { expect, test } from "vitest";
import { runTiers, type Tier, type TierResult } from "../summary.ts";

function tier(name: string, result: TierResult | Error): Tier {
  return { name, run: async () => (result instanceof Error ? Promise.reject(result) : result) };
}

const green: TierResult = { passed: 3, failures: [], skipped: [] };

async function sum(...tiers: Tier[]) {
  const printed: string[] = [];
  const summary = await runTiers(tiers, (text) => printed.push(text));
  return { ...summary, printed: printed.join("\n") };
}

test("sums the tiers up, and is green when nothing failed", async () => {
  expect(await sum(tier("a", green), tier("b", green))).toMatchObject({ ok: true, line: "6 passed, 0 failed" });
});

test("a failure is red, and named", async () => {
  const summary = await sum(tier("a", green), tier("b", { passed: 1, failures: ["b: sync"], skipped: [] }));
  expect(summary).toMatchObject({ ok: false, line: "4 passed, 1 failed" });
  expect(summary.printed).toContain("FAILED: b: sync");
});

test("a tier that cannot run is red, and the others still run", async () => {
  const summary = await sum(tier("vm", new Error("the machine did not boot")), tier("b", green));
  expect(summary).toMatchObject({ ok: false, line: "3 passed, 1 failed" });
  expect(summary.printed).toContain("FAILED: vm: did not run: the machine did not boot");
});

test("what a tier takes minutes to make is made while the others run, and awaited", async () => {
  const steps: string[] = [];
  const step = (name: string) => async () => {
    await Promise.resolve();
    steps.push(name);
    return green;
  };
  let made = () => {};
  const making = new Promise<void>((resolve) => {
    made = resolve;
  });
  const first = { name: "a", run: () => step("a")().finally(made) };
  const prepare = async () => {
    steps.push("begun");
    await making;
    await step("made")();
  };
  await sum(first, { name: "b", run: step("b"), prepare });
  expect(steps).toEqual(["begun", "a", "made", "b"]);
});

test("a tier for which something cannot be made is red, and does not run", async () => {
  const broken = { ...tier("vm debug", green), prepare: () => Promise.reject(new Error("it does not compile")) };
  const summary = await sum(tier("a", green), broken);
  expect(summary).toMatchObject({ ok: false, line: "3 passed, 1 failed" });
  expect(summary.printed).toContain("FAILED: vm debug: did not run: it does not compile");
});

test("a tier with nothing to run is red", async () => {
  const summary = await sum(tier("a", green), tier("vm", { passed: 0, failures: [], skipped: [] }));
  expect(summary).toMatchObject({ ok: false, line: "3 passed, 1 failed" });
  expect(summary.printed).toContain("FAILED: vm: found nothing to run");
});

test("a skip is counted and named, and skips alone are no pass", async () => {
  const skips: TierResult = { passed: 0, failures: [], skipped: ["a: on a Tuesday"] };
  const summary = await sum(tier("a", skips), tier("b", green));
  expect(summary).toMatchObject({ ok: true, line: "3 passed, 0 failed, 1 skipped" });
  expect(summary.printed).toContain("skipped: a: on a Tuesday");
  expect(await sum(tier("a", skips))).toMatchObject({ ok: false, line: "0 passed, 0 failed, 1 skipped" });
});
