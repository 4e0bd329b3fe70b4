// The conformance suite on stock kernels: CUSE, by 64-bit, 32-bit and x32 callers.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { BITS } from "../build.ts";
import { callersHere } from "../cli.ts";
import { conformanceTests } from "./declare.ts";

execFileSync("modprobe", ["-a", "cuse", "snd-dummy"]);
await conformanceTests("cuse", BITS);

test("the kernel takes x32 calls", async () => {
  expect(await callersHere("cuse")).toEqual(BITS);
});
