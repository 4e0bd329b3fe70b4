// The same on this machine's /dev/fuse.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { native } from "@devlift/core";
import { afterAll, afterEach } from "vitest";
import { keptCases } from "./cases.ts";

const folder = mkdtempSync(join(tmpdir(), "devlift-kept-"));
const node = join(folder, "node");

afterEach(() => {
  try {
    native.umount2(node, native.MOUNT.MNT_DETACH);
  } catch {
    // The last daemon has done it.
  }
  rmSync(node, { force: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

keptCases("kept-file", node);
