// The Debian package on a Debian 13: its service begins when it is installed.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { waitFor } from "@devlift/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const PACKAGES = fileURLToPath(new URL("../../../../dist/deb", import.meta.url));
const NODES = ["/dev/dsp", "/dev/adsp", "/dev/audio", "/dev/mixer", "/dev/sndstat"];
const LIMIT_MS = 60_000;
/** group(5) of every Debian. */
const AUDIO = 29;

beforeAll(() => {
  execFileSync("sh", ["-c", `dpkg -i ${PACKAGES}/devlift-oss_*.deb >/dev/console 2>&1`]);
});

afterAll(() => {
  execFileSync("sh", ["-c", "dpkg --purge devlift-oss >/dev/console 2>&1"]);
});

function sndstat(gid: number) {
  const { status, stdout } = spawnSync("cat", ["/dev/sndstat"], { encoding: "utf8", uid: 2001, gid });
  return { status, stdout };
}

test("its device files are audio's, and answer who is in it and nobody else", async () => {
  for (const path of NODES)
    await waitFor(`${path} to be audio's`, LIMIT_MS, () =>
      existsSync(path) && statSync(path).gid === AUDIO ? true : undefined,
    );
  expect(NODES.map((path) => statSync(path).mode & 0o777)).toEqual(NODES.map(() => 0o660));
  expect(execFileSync("systemctl", ["is-active", "devlift-oss"], { encoding: "utf8" })).toBe("active\n");
  expect(sndstat(AUDIO)).toMatchObject({ status: 0, stdout: expect.stringContaining("devlift-oss") });
  expect(sndstat(2001)).toMatchObject({ status: 1, stdout: "" });
});
