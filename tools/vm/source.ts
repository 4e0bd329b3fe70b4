// The kernel's source as Debian packs it: a tar file in the cache, of the line 6.12.

import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import type { Progress } from "../shared/progress.ts";
import { type AptSource, fetchPackages, hasPackage } from "./apt.ts";
import { cached } from "./cache.ts";

const PACKAGE = "linux-source-6.12";

/** The path of the tar file (150 MB), whose files begin with SOURCE_FOLDER; fetched with apt when the cache lacks it. */
export async function kernelSource(progress: Progress): Promise<string> {
  const folder = await cached(PACKAGE, async (scratch) => {
    await fetchPackages({ what: "the source of Linux 6.12", found, folder: scratch, progress });
  });
  return join(folder, "usr/src", `${PACKAGE}.tar.xz`);
}

/** What each name in the tar file begins with. */
export const SOURCE_FOLDER = PACKAGE;

async function found(source: AptSource): Promise<string[]> {
  if (await hasPackage(source, PACKAGE)) return [PACKAGE];
  throw new ToolError(`apt knows no ${PACKAGE}`);
}
