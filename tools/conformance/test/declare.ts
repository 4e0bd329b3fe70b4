// The suite as tests: one for each case that a channel has to be able to do, and one for those that it is said not to.

import { release } from "node:os";
import { beforeAll, describe, expect, test } from "vitest";
import type { Bits } from "../build.ts";
import { type ChannelName, listCases, type Result, runSuite } from "../suite.ts";
import { declared } from "../unsupported.ts";

/** Milliseconds for all cases of one kind of caller: a bound for what is stuck. */
const LIMIT = 900_000;

/** Defines the tests of a channel for these callers; with `only`, of the cases whose name it matches. */
export async function conformanceTests(channel: ChannelName, callers: readonly Bits[], only?: RegExp): Promise<void> {
  for (const bits of callers) {
    const cases = await listCases(bits, only);
    const place = { channel, bits, kernel: release() };
    describe(`${channel}, ${bits}`, () => {
      const results = new Map<string, Result>();

      beforeAll(async () => {
        for (const result of await runSuite({ channel, bits: [bits], ...(only && { only }) }))
          results.set(result.name, result);
      }, LIMIT);

      test.each(cases.filter((one) => declared(one, place) === undefined))("$name", ({ name }) => {
        expect(results.get(name)).toMatchObject({ outcome: "passed", text: "" });
      });

      test("what is declared as unsupported is just that", () => {
        const wrong = cases.filter((one) => declared(one, place) !== undefined).map(({ name }) => results.get(name));
        expect(wrong.filter((result) => result?.outcome !== "unsupported")).toEqual([]);
      });
    });
  }
}
