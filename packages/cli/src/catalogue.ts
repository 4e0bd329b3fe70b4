// The drivers that are installed here: each has left a driver.json beside its daemon (DriverDescription).

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "@devlift/core";
import type { DriverDescription } from "@devlift/daemon";

/**
 * @param folder where to look instead of the usual places
 * @returns in order of their names
 * @throws UsageError when there is none
 */
export function catalogue(folder: string | undefined): readonly DriverDescription[] {
  const files = folder === undefined ? usualFiles() : filesBelow(folder);
  const drivers = new Map<string, DriverDescription>();
  for (const file of files) {
    const driver: DriverDescription = JSON.parse(readFileSync(file, "utf8"));
    drivers.set(driver.name, driver);
  }
  if (drivers.size === 0)
    throw new UsageError(
      `no driver is installed${folder === undefined ? "" : ` below ${folder}`}: none has a driver.json there`,
    );
  return [...drivers.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** @throws UsageError that names those that there are */
export function driverNamed(drivers: readonly DriverDescription[], name: string): DriverDescription {
  const found = drivers.find((driver) => driver.name === name);
  if (found === undefined)
    throw new UsageError(`there is no driver "${name}"; installed: ${drivers.map((driver) => driver.name).join(", ")}`);
  return found;
}

/** Beside this command, wherever npm or a checkout has put it, and where Debian packages put it. */
function usualFiles(): readonly string[] {
  const own = dirname(dirname(fileURLToPath(import.meta.url)));
  // node_modules/@devlift/NAME/dist and packages/drivers/NAME/dist are both below what is above our own package.
  return [
    ...filesBelow(dirname(own)),
    ...filesBelow(join(dirname(own), "drivers")),
    ...filesBelow("/usr/share/devlift"),
  ];
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => [join(folder, name, "dist", "driver.json"), join(folder, name, "driver.json")])
    .filter((file) => existsSync(file));
}
