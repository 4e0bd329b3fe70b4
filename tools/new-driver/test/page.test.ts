// The driver that docs/writing-a-driver.md writes builds, and passes what it should.

import { beforeAll, expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { followPage } from "./page.ts";
import { makeFolder, runTests } from "./workspace.ts";

/** A bound for what is stuck: longer than that of the tests inside. */
const NESTED_MS = 120_000;

let root: string;
let folder: string;

beforeAll(async () => {
  root = makeFolder();
  folder = await followPage(root);
}, NESTED_MS);

test("types and lint find nothing", async () => {
  await run("tsc", ["-p", "."], { cwd: folder });
  await run("biome", ["check", "--error-on-warnings", "--diagnostic-level=warn", "."], { cwd: root });
});

test(
  "its tests pass",
  async () => {
    expect(await runTests(root, "unit")).toBe(3);
  },
  NESTED_MS,
);
