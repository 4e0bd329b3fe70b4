// The units of the drivers' services: each driver has one, and what systemd says of how much it may do.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { drivers } from "../packages.ts";

const MOST = 2.0;

describe.each(drivers())("$command", ({ command, folder }) => {
  const unit = join(folder, "systemd", `${command}.service`);

  test("has a unit that starts it, and tells when it is ready", () => {
    expect(existsSync(unit)).toBe(true);
    const text = readFileSync(unit, "utf8");
    expect(text).toContain(`ExecStart=/usr/bin/${command} `);
    expect(text).toContain("Type=notify\n");
  });

  test(`is exposed by ${MOST} of 10 at most`, async () => {
    const said = await run("systemd-analyze", ["security", "--offline=yes", "--no-pager", unit]);
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
    expect(exposure).toBeLessThanOrEqual(MOST);
  });
});
