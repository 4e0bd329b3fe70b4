// The conformance suite on stock kernels: CUSE and fusd by 64-bit callers, and by 32-bit and x32 callers what depends on
// the kind of caller. All of it by all of them: npm run conformance -- --channel cuse, and fusd.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { BITS } from "../build.ts";
import { callersHere } from "../cli.ts";
import { conformanceTests } from "./declare.ts";

/** What goes by the caller's data model, or through the kernel's compat entries. */
const IOCTLS = "ioctl/(pointer|array|address|tree|flexible|legacy|string|layout|areas|list|value|kernel)";
const BY_CALLER = new RegExp(
  `^(${IOCTLS}|(read|write)/(vector|count|partly-bad)|offset|raw|as-[a-z]+|open/flags|ready/bits|hostile/(changing|length))/`,
);

execFileSync("modprobe", ["-a", "cuse", "fusd", "snd-dummy"]);
for (const channel of ["cuse", "fusd"] as const) {
  await conformanceTests(channel, ["64"]);
  await conformanceTests(channel, ["32", "x32"], BY_CALLER);
}

test("the kernel takes x32 calls", async () => {
  expect(await callersHere("cuse")).toEqual(BITS);
});
