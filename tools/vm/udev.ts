// udev's daemon for the guest, where libusb hears of new devices from it alone. A machine that boots with systemd has
// it; for one that does not (a container), it is unpacked into the cache: installing it there would start it there.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { fetchPackage } from "./apt.ts";
import { cacheFolder } from "./cache.ts";

/** Debian 12 and 13; inside the package, too. */
const PLACES = ["usr/lib/systemd/systemd-udevd", "lib/systemd/systemd-udevd"];

function udevdIn(root: string): string | undefined {
  return PLACES.map((place) => join(root, place)).find((path) => existsSync(path));
}

/** The absolute path of a systemd-udevd that the guest can start. @throws ToolError when apt cannot fetch it */
export async function udevd(progress: Progress): Promise<string | undefined> {
  const cached = join(cacheFolder(), "udev");
  const found = udevdIn("/") ?? udevdIn(cached);
  if (found !== undefined) return found;
  const scratch = await mkdtemp(`${cached}.`);
  try {
    const archive = await fetchPackage({ what: "Debian's udev", found: async () => "udev", folder: scratch, progress });
    const unpacked = join(scratch, "unpacked");
    await mkdir(unpacked);
    await run("dpkg-deb", ["-x", archive, unpacked]);
    await rename(unpacked, cached);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return udevdIn(cached);
}
