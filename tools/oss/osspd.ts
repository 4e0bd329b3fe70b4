// osspd, with which ours is compared: Debian's packages, unpacked and not installed, as installing them would start it and
// keep the kernel's emulation from being loaded.

import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../shared/progress.ts";
import { fetchPackages } from "../vm/apt.ts";
import { cacheFolder } from "../vm/cache.ts";

const PACKAGES = ["osspd", "osspd-pulseaudio", "libfuse2"];

/** @returns the folder that it is unpacked in, fetched once @throws ToolError when it cannot be had */
export async function osspd(progress: Progress): Promise<string> {
  const folder = join(cacheFolder(), "osspd");
  if (existsSync(folder)) return folder;
  const fetched = `${folder}.new`;
  await rm(fetched, { recursive: true, force: true });
  await mkdir(fetched, { recursive: true });
  await fetchPackages({ what: "osspd", found: () => Promise.resolve(PACKAGES), folder: fetched, progress });
  await rename(fetched, folder);
  return folder;
}
