// The three kinds as they come out, on a stock kernel: their own tests, of the daemon on CUSE with programs of others.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { ALL, buildDriver, driverFolder, makeWorkspace } from "./workspace.ts";

const root = makeWorkspace();

test("their tests pass", async () => {
  await Promise.all(ALL.map(({ name }) => buildDriver(driverFolder(root, name))));
  const report = join(root, "report.json");
  await run("vitest", ["run", "--project", "vm", "--reporter=json", `--outputFile=${report}`], { cwd: root });
  expect(JSON.parse(readFileSync(report, "utf8"))).toMatchObject({ numTotalTestSuites: 3, numPassedTests: 3 });
});
