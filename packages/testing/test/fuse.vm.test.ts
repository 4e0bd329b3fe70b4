// The FUSE channel on stock kernels.
// Kernels: 6.12, 6.1

import { execFileSync } from "node:child_process";
import { cuse, fuse, serve } from "@devlift/core";
import { beforeAll, expect, test } from "vitest";
import { fuseCases } from "./fuse/cases.ts";
import { loopback } from "./fuse/loopback.ts";
import { shell, testFolder } from "./fuse/rig.ts";

beforeAll(() => {
  execFileSync("modprobe", ["-a", "fuse", "cuse"]);
});

fuseCases();

test("devices on both kinds of channel in one process end one by one", async () => {
  const path = `${testFolder()}/mixed`;
  const device = loopback("devlift-mixed");
  const onCuse = await serve(device, { channel: cuse });
  const onFuse = await serve(device, { channel: fuse, path });
  expect(await shell('echo a > /dev/devlift-mixed; head -c 2 "$1"', path)).toMatchObject({ stdout: "a\n" });
  await onCuse.close();
  expect(await shell('echo b > "$1"; head -c 2 "$1"', path)).toMatchObject({ stdout: "b\n" });
  await onFuse.close();
});
