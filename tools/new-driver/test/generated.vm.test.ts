// The three kinds as they come out, and the driver that docs/writing-a-driver.md makes of one, on a stock kernel: their own
// tests, of the daemon on CUSE with programs of others.

import { expect, test } from "vitest";
import { followPage } from "./page.ts";
import { ALL, buildDriver, driverFolder, makeWorkspace, runTests } from "./workspace.ts";

const root = makeWorkspace();

test("their tests pass", async () => {
  await Promise.all([...ALL.map(({ name }) => buildDriver(driverFolder(root, name))), followPage(root)]);
  expect(await runTests(root, "vm")).toBe(ALL.length + 1);
}, 300_000);
