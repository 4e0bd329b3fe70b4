// The programs of others that drivers' tests run, as each driver says in its own folder, in test/programs.json: Debian
// packages, by a file that each brings.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import type { Prerequisite } from "../shared/prerequisites.ts";

interface DriverProgram extends Prerequisite {
  /** What it is for: for who reads the file. */
  readonly why: string;
  /** Only tests in the virtual machine run it. Default: others, too */
  readonly vm?: boolean;
}

/**
 * @param checkout whose drivers are asked
 * @param withVm also what only the virtual machine's tests run
 * @throws ToolError for a file that is not of this form
 */
export function driverPrograms(checkout: string, withVm: boolean): readonly Prerequisite[] {
  const drivers = join(checkout, "packages", "drivers");
  return readdirSync(drivers)
    .sort()
    .map((name) => join(drivers, name, "test", "programs.json"))
    .filter((file) => existsSync(file))
    .flatMap((file) => readPrograms(file))
    .filter(({ vm = false }) => withVm || !vm);
}

function readPrograms(file: string): readonly DriverProgram[] {
  const programs: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(programs) || !programs.every(isProgram))
    throw new ToolError(
      `${file} is a list of { "package", "file", "why" }, and "vm": true for what only the VM's tests run`,
    );
  return programs;
}

function isProgram(value: unknown): value is DriverProgram {
  if (typeof value !== "object" || value === null) return false;
  const { package: name, file, why, vm = false }: Record<string, unknown> = { ...value };
  return [name, file, why].every((text) => typeof text === "string" && text !== "") && typeof vm === "boolean";
}
