// What is asked of a driver's service, whoever wrote it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { run } from "../../shared/run.ts";

/** Of 10. */
export const MOST_EXPOSED = 2.0;

/** What systemd says of how much a service may do (systemd-analyze(1), "security"). */
export async function exposureOf(unit: string): Promise<number> {
  const said = await run("systemd-analyze", ["security", "--offline=yes", "--no-pager", unit]);
  return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
}

/** A unit that starts the command, tells when it is ready, and of which systemd understands every line. */
export async function checkUnit(unit: string, command: string): Promise<void> {
  const text = readFileSync(unit, "utf8");
  expect(text).toContain(`ExecStart=/usr/bin/${command} `);
  expect(text).toContain("Type=notify\n");
  // Where `devlift status` looks for it.
  expect(text).toContain(`RuntimeDirectory=devlift/${command.replace("devlift-", "")}\n`);
  const folder = mkdtempSync(join(tmpdir(), "devlift-unit-"));
  try {
    const copy = join(folder, basename(unit));
    // systemd complains of a program that is not installed.
    writeFileSync(copy, text.replace(`/usr/bin/${command} `, `${process.execPath} `));
    expect(await run("systemd-analyze", ["verify", "--man=no", copy])).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
