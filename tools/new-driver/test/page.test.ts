// docs/writing-a-driver.md, followed literally: the driver that its first part writes builds, and passes what it should.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { CHECKOUT } from "../../vm/vm.ts";
import { addDriver, buildDriver, driverFolder, makeFolder, runTests } from "./workspace.ts";

const PAGE = readFileSync(join(CHECKOUT, "docs", "writing-a-driver.md"), "utf8");

/** Its blocks of code that begin with the path of a file. */
const FILES = [...PAGE.matchAll(/^```ts\n\/\/ (packages\/drivers\/\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, path = "", content = ""]) => ({ path, content }),
);

/** A bound for what is stuck: longer than that of the tests inside. */
const NESTED_MS = 120_000;

let root: string;

beforeAll(async () => {
  const [, name = "", kind = ""] = /^ {4}npm run new-driver (\S+) -- --kind (\S+)$/m.exec(PAGE) ?? [];
  expect([name, kind, FILES.length]).toEqual(["watchdog", "plain", 5]);
  root = makeFolder();
  addDriver(root, { name, kind: "plain" });
  for (const { path, content } of FILES) writeFileSync(join(root, path), content);
  await buildDriver(driverFolder(root, name));
}, 60_000);

test("types and lint find nothing", async () => {
  await run("tsc", ["-p", "."], { cwd: driverFolder(root, "watchdog") });
  await run("biome", ["check", "--error-on-warnings", "--diagnostic-level=warn", "."], { cwd: root });
});

test(
  "its tests pass",
  async () => {
    expect(await runTests(root, "unit")).toBe(3);
  },
  NESTED_MS,
);
