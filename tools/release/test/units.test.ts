// The units of the drivers' services: each driver has one, and what systemd says of how much it may do.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drivers } from "../packages.ts";
import { checkUnit, exposureOf, MOST_EXPOSED } from "./unit.ts";

describe.each(drivers())("$command", ({ command, folder }) => {
  const unit = join(folder, "systemd", `${command}.service`);

  test("has a unit that starts it, and tells when it is ready", () => checkUnit(unit, command));

  test(`is exposed by ${MOST_EXPOSED} of 10 at most`, async () => {
    expect(await exposureOf(unit)).toBeLessThanOrEqual(MOST_EXPOSED);
  });
});
