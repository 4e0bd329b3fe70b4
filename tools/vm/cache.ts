// Where the virtual machine keeps what it has fetched and found out: once a user, so that a second clone is warm.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** The cache folder of the virtual machine; not created here. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "devlift", "vm");
}

/**
 * The folder `name` of the cache. When it is missing, `fill` gets a scratch folder, and `target`, which that becomes
 * when all is in it; of two processes that fill it at once, one wins.
 */
export async function cached(name: string, fill: (scratch: string, target: string) => Promise<void>): Promise<string> {
  const target = join(cacheFolder(), name);
  if (existsSync(target)) return target;
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(`${target}.`);
  try {
    await fill(scratch, target);
    await rename(scratch, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return target;
}
