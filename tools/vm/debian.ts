// A whole Debian 13 as the guest's root, with systemd and udev as PID 1 and the nodejs that packages of ours depend on:
// for services, packages, and what happens at boot. Made once a user, in the cache; a guest's changes stay in its memory.

import { chmod } from "node:fs/promises";
import { ToolError } from "../shared/errors.ts";
import { installPrerequisites, type Prerequisite } from "../shared/prerequisites.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { debianArchive, KEYRING } from "./apt.ts";
import { cached } from "./cache.ts";

export const DEBIAN_PREREQUISITES: readonly Prerequisite[] = [{ package: "debootstrap", file: "debootstrap" }];

const RELEASE = "trixie";
const PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "nodejs", "iproute2"];

/** The folder of the system. @throws ToolError when it cannot be made, which takes root and an archive of Debian's */
export function debian13(progress: Progress): Promise<string> {
  return cached("debian-13", async (scratch) => {
    if (process.getuid?.() !== 0) throw new ToolError("a Debian 13 for the virtual machine is made by root: try sudo");
    await installPrerequisites(DEBIAN_PREREQUISITES, progress);
    progress("making a Debian 13 (400 MB, a minute or two)");
    const options = ["--variant=minbase", `--include=${PACKAGES.join(",")}`, `--keyring=${KEYRING}`];
    await run("debootstrap", [...options, RELEASE, scratch, await debianArchive()]);
    // A scratch folder is its maker's alone; as a root, everybody goes through it.
    await chmod(scratch, 0o755);
  });
}
