// A virtual machine's disk: an image of an empty file system, sparse.

import { existsSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { findProgram, installPrerequisites, type Prerequisite } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";

const DISK_PREREQUISITES: readonly Prerequisite[] = [{ package: "e2fsprogs", file: "mkfs.ext4" }];

const SIZE = 2 * 1024 ** 3;

/** Makes the image when there is none. */
export async function makeDisk(path: string, progress: Progress): Promise<void> {
  if (existsSync(path)) return;
  await installPrerequisites(DISK_PREREQUISITES, progress);
  const draft = `${path}.new`;
  const file = await open(draft, "w");
  await file.truncate(SIZE);
  await file.close();
  await run((await findProgram("mkfs.ext4")) ?? "mkfs.ext4", ["-q", "-F", draft]);
  await rename(draft, path);
}
