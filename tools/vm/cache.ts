// Where the virtual machine keeps what it has fetched and found out: once a user, so that a second clone is warm.

import { homedir } from "node:os";
import { join } from "node:path";

/** The cache folder of the virtual machine; not created here. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "devlift", "vm");
}
