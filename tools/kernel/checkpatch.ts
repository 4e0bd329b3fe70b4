// The kernel's own style checker, of Debian's source package of the kernel: header packages do not bring it.

import { join } from "node:path";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { cached } from "../vm/cache.ts";
import { kernelSource, SOURCE_FOLDER } from "../vm/source.ts";
import { findingsOf } from "./findings.ts";
import { SOURCES, sourceFiles } from "./sources.ts";

/** With what it reads beside itself. */
const FILES = ["checkpatch.pl", "spelling.txt", "const_structs.checkpatch"];

const OPTIONS = ["--no-tree", "--strict", "--terse", "--show-types", "--no-summary"];

/** Not for us: a module outside of the kernel's tree is for several versions of it. */
const IGNORED = "LINUX_VERSION_CODE";
/** BIT() is not for programs; checkpatch knows that of headers below include/uapi only. */
const IGNORED_IN_UAPI = `${IGNORED},BIT_MACRO`;

/**
 * Runs checkpatch --strict on the module and its header. The selftests are programs, which it would have use what only
 * the kernel has.
 * @returns its findings, a line each, with paths below `sources`
 */
export async function checkpatch(progress: Progress, sources = SOURCES): Promise<string[]> {
  const folder = await cached("checkpatch", async (scratch) => {
    const tar = await kernelSource(progress);
    progress("unpacking checkpatch");
    const wanted = FILES.map((name) => `${SOURCE_FOLDER}/scripts/${name}`);
    await run("tar", ["-xJf", tar, "-C", scratch, "--strip-components=2", ...wanted]);
  });
  const names = (await sourceFiles(sources)).filter((name) => /^(?!selftests\/).*\.[ch]$/.test(name));
  const check = (files: readonly string[], ignored: string) => {
    if (files.length === 0) return [];
    const args = [join(folder, "checkpatch.pl"), ...OPTIONS, `--ignore=${ignored}`, "-f", ...files];
    return findingsOf("perl", args, sources);
  };
  const isUapi = (name: string) => name.startsWith("uapi/");
  const uapi = await check(names.filter(isUapi), IGNORED_IN_UAPI);
  const others = names.filter((name) => !isUapi(name));
  return [...uapi, ...(await check(others, IGNORED))];
}
