// What a driver may be called: its name stands in a package of npm, one of Debian, a user of systemd's, a device file.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";

/** A user's name has 31 characters at most (useradd(8)), and systemd's is "devlift-NAME". */
const LONGEST = 23;

/**
 * @param checkout whose packages are looked at
 * @throws ToolError that says what is allowed
 */
export function checkName(name: string, checkout: string): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length < 2 || name.length > LONGEST)
    throw new ToolError(
      `"${name}" is no name for a driver: 2 to ${LONGEST} small letters and digits, a letter first, with single dashes in between`,
    );
  const taken = packageNames(checkout).find((one) => one === `@devlift/${name}`);
  if (taken !== undefined) throw new ToolError(`there is a package ${taken} already`);
}

function packageNames(checkout: string): string[] {
  return ["packages", "packages/drivers"].flatMap((parent) =>
    readdirSync(join(checkout, parent), { withFileTypes: true, recursive: false }).flatMap(({ name }) => {
      try {
        const { name: packageName }: { name: string } = JSON.parse(
          readFileSync(join(checkout, parent, name, "package.json"), "utf8"),
        );
        return [packageName];
      } catch {
        // A folder that is no package.
        return [];
      }
    }),
  );
}
