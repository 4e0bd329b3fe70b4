// What drivers' tests need, found in the drivers' folders.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { driverPrograms } from "../driver-programs.ts";

/** A checkout with two drivers, one of which needs `programs`. */
function checkout(programs: unknown): string {
  const root = mkdtempSync(join(tmpdir(), "devlift-programs-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ["lp", "none"]) mkdirSync(join(root, "packages", "drivers", name, "test"), { recursive: true });
  writeFileSync(join(root, "packages", "drivers", "lp", "test", "programs.json"), JSON.stringify(programs));
  return root;
}

const LPR = { package: "cups-bsd", file: "lpr", why: "prints" };
const PICOCOM = { package: "picocom", file: "picocom", why: "a terminal", vm: true };

test("a driver's programs are found in its folder, those of the virtual machine when there is one", () => {
  const root = checkout([LPR, PICOCOM]);
  expect(driverPrograms(root, false)).toEqual([LPR]);
  expect(driverPrograms(root, true)).toEqual([LPR, PICOCOM]);
});

test.each([
  { programs: LPR },
  { programs: [{ ...LPR, why: "" }] },
  { programs: [{ ...LPR, vm: "yes" }] },
  { programs: ["picocom"] },
])("%j is refused", ({ programs }) => {
  expect(() => driverPrograms(checkout(programs), true)).toThrow(/programs\.json is a list of/);
});
