// A device of /dev/cuse that outlives its daemon.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { beforeAll } from "vitest";
import { keptCases } from "./cases.ts";

beforeAll(() => {
  execFileSync("modprobe", ["cuse"]);
});

keptCases("cuse", "/dev/devlift-kept");
