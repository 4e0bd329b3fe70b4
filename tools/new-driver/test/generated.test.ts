// The three kinds as they come out: each builds, and passes what every driver here has to pass.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { checkUnit, exposureOf, MOST_EXPOSED } from "../../release/test/unit.ts";
import { run } from "../../shared/run.ts";
import { ALL, buildDriver, driverFolder, makeWorkspace, runTests } from "./workspace.ts";

/** A bound for what is stuck: longer than that of the tests inside. */
const NESTED_MS = 120_000;

let root: string;

beforeAll(async () => {
  root = makeWorkspace();
  await Promise.all(ALL.map(({ name }) => buildDriver(driverFolder(root, name))));
}, 120_000);

test("lint finds nothing, whatever the length of the name", async () => {
  // Which fails, too, when it finds no file.
  await run("biome", ["check", "--error-on-warnings", "--diagnostic-level=warn", "."], { cwd: root });
});

test(
  "their tests pass",
  async () => {
    expect(await runTests(root, "unit")).toBe(11);
  },
  NESTED_MS,
);

describe.each(ALL)("$kind", ({ name }) => {
  const command = `devlift-${name}`;
  const folder = () => driverFolder(root, name);

  test("types are right", async () => {
    await run("tsc", ["-p", "."], { cwd: folder() });
  });

  test("its command says what it is", async () => {
    const bundle = join(folder(), "dist", `${command}.mjs`);
    expect(await run(process.execPath, [bundle, "--version"])).toBe(`${command} 0.1.0\n`);
    expect(await run(process.execPath, [bundle, "--help"])).toContain(`${command}: serves /dev/${name}, `);
    await expect(run(process.execPath, [bundle, "--channel", "ether"])).rejects.toThrow(
      `${command}: --channel ether: one of auto, fusd, cuse, fuse`,
    );
    expect(existsSync(join(folder(), "dist", "driver.json"))).toBe(true);
  });

  test("its service may do little", async () => {
    const unit = join(folder(), "systemd", `${command}.service`);
    await checkUnit(unit, command);
    expect(await exposureOf(unit)).toBeLessThanOrEqual(MOST_EXPOSED);
  });
});
