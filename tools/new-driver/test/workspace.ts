// A workspace beside this checkout, with new drivers in it, as `npm run new-driver` and `pnpm install` leave them: the checkout's settings and libraries, by links, and nothing else of it. Lives until its test file's end.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { run } from "../../shared/run.ts";
import { CHECKOUT } from "../../vm/vm.ts";
import { generate, KINDS, type Kind } from "../generate.ts";

/** Of some length: what is written around it has to stay as the formatter wants it. */
const NAMES: Readonly<Record<Kind, string>> = { plain: "np", usb: "new-usb-device-in-a-row", tty: "new-port" };
export const ALL = KINDS.map((kind) => ({ kind, name: NAMES[kind] }));

const SETTINGS = [".gitignore", "biome.json", "package.json", "tsconfig.base.json", "vitest.config.ts"];

/** With a new driver of each kind. @returns its folder */
export function makeWorkspace(): string {
  const root = makeFolder();
  for (const driver of ALL) addDriver(root, driver);
  return root;
}

/** Without a driver. @returns its folder */
export function makeFolder(): string {
  const root = mkdtempSync(join(tmpdir(), "devlift-new-driver-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  for (const file of SETTINGS) cpSync(join(CHECKOUT, file), join(root, file));
  symlinkSync(join(CHECKOUT, "node_modules"), join(root, "node_modules"));
  mkdirSync(join(root, "packages", "drivers"), { recursive: true });
  return root;
}

export function addDriver(root: string, { name, kind }: { readonly name: string; readonly kind: Kind }): void {
  generate({ name, kind, checkout: root });
  link(driverFolder(root, name));
}

export function driverFolder(root: string, name: string): string {
  return join(root, "packages", "drivers", name);
}

/** What pnpm does for dependencies in the workspace. */
function link(folder: string): void {
  const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  );
  mkdirSync(join(folder, "node_modules", "@devlift"), { recursive: true });
  for (const library of Object.keys(devDependencies))
    symlinkSync(join(CHECKOUT, "packages", library.replace("@devlift/", "")), join(folder, "node_modules", library));
}

/** The package's script `build`. */
export async function buildDriver(folder: string): Promise<void> {
  await run("tsx", ["build.ts"], { cwd: folder });
}

/**
 * Runs the tests of the drivers, of one of vitest's projects.
 * @returns how many there are @throws ToolError with what vitest says when one of them fails
 */
export async function runTests(root: string, project: "unit" | "vm"): Promise<number> {
  const report = join(root, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  await run("vitest", ["run", "--project", project, ...reporters], { cwd: root });
  const { numTotalTests, numPassedTests }: Record<string, number> = JSON.parse(readFileSync(report, "utf8"));
  expect(numPassedTests).toBe(numTotalTests);
  return numPassedTests ?? 0;
}
