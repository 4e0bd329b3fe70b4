// The three kinds as they come out, on a stock kernel: their own tests, of the daemon on CUSE with programs of others.

import { expect, test } from "vitest";
import { ALL, buildDriver, driverFolder, makeWorkspace, runTests } from "./workspace.ts";

const root = makeWorkspace();

test("their tests pass", async () => {
  await Promise.all(ALL.map(({ name }) => buildDriver(driverFolder(root, name))));
  expect(await runTests(root, "vm")).toBe(3);
}, 300_000);
