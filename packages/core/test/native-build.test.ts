// build.ts on a machine without a C compiler. That it builds with one is what the other native tests stand on.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("says what to install when there is no C compiler", () => {
  const build = fileURLToPath(new URL("../build.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", build], {
    env: { ...process.env, CC: "no-such-compiler" },
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toContain('No C compiler: "no-such-compiler" cannot be started');
  expect(stderr).toContain("apt-get install gcc libc6-dev");
});
