// udev's daemon for the guest, where libusb hears of new devices from it alone. A machine that boots with systemd has
// it; for one that does not (a container), it is taken into the cache: installing it there would start it there.

import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import type { Progress } from "../shared/progress.ts";
import { fetchPackages } from "./apt.ts";
import { cacheFolder } from "./cache.ts";

/** Debian 13 and 12. */
const INSTALLED = ["/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd"];
/** In the package; udevadm is the daemon when it is called systemd-udevd. */
const PACKAGED = ["usr/bin/udevadm", "bin/udevadm"];

/** The absolute path of a systemd-udevd that the guest can start. @throws ToolError when apt cannot fetch it */
export async function udevd(progress: Progress): Promise<string> {
  const cached = join(cacheFolder(), "systemd-udevd");
  const found = [...INSTALLED, cached].find((path) => existsSync(path));
  if (found !== undefined) return found;
  const scratch = await mkdtemp(`${cached}.`);
  try {
    await fetchPackages({ what: "Debian's udev", found: async () => ["udev"], folder: scratch, progress });
    const program = PACKAGED.map((path) => join(scratch, path)).find((path) => existsSync(path));
    if (program === undefined) throw new ToolError("Debian's udev package has no udevadm");
    await rename(program, cached);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return cached;
}
