// npm's fuse-native, as one more peer. It is no dependency of the workspace: its last release is of 2020, and nobody
// else needs it. So npm puts it into the cache, and where that fails the benchmark says so and goes on without it.

import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";

const VERSION = "2.2.6";
/** libfuse 2 comes along, under another name than the addon looks for. */
const ITS_LIBFUSE = "node_modules/fuse-shared-library-linux/libfuse/lib/libfuse.so";

/** @returns the folder that it is in, which is also where its libfuse.so.2 is; undefined when it cannot be had */
export async function fuseNative(cache: string, progress: Progress): Promise<string | undefined> {
  const folder = join(cache, `fuse-native-${VERSION}`);
  const library = join(folder, "libfuse.so.2");
  if (existsSync(library)) return folder;
  progress(`installing fuse-native ${VERSION} from npm`);
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", `fuse-native@${VERSION}`], {
      cwd: folder,
    });
    await symlink(join(folder, ITS_LIBFUSE), library);
    return folder;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : String(error);
    progress(`fuse-native is not compared with: it cannot be installed (${reason})`);
    return undefined;
  }
}
