// Questions to apt and downloads that are unpacked, without installing anything and without being root. AptSource is one set of package
// lists: this machine's own, or Debian 12's, which has both kernel lines, in a folder of ours.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../shared/errors.ts";
import type { Progress } from "../shared/progress.ts";
import { run } from "../shared/run.ts";

/** Debian's own keys, from the package debian-archive-keyring. */
export const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Options of apt-get and apt-cache that choose a set of package lists. */
export interface AptSource {
  readonly options: readonly string[];
}

/** The package lists of this machine, as its administrator last updated them. */
const THIS_MACHINE: AptSource = { options: [] };

/** Debian 12's suites, by the end of an archive's address. */
const SUITES: readonly (readonly [ending: RegExp, suite: string])[] = [
  [/\/debian-security\/?$/, "bookworm-security"],
  [/\/debian\/?$/, "bookworm"],
];

/**
 * Fresh package lists of Debian 12, some 90 MB in `folder`, from the archives that this machine is set up to use.
 * @throws ToolError when they cannot be fetched
 */
async function debian12(folder: string): Promise<AptSource> {
  if (!existsSync(KEYRING)) throw new ToolError(`${KEYRING} is missing: install debian-archive-keyring`);
  const own = await freshLists(join(folder, "own"), {});
  const lines = (await archives(own)).flatMap((uri) => {
    const suite = SUITES.find(([ending]) => ending.test(uri))?.[1];
    return suite === undefined ? [] : [`deb [signed-by=${KEYRING}] ${uri} ${suite} main\n`];
  });
  if (lines.length === 0) throw new ToolError("this machine's sources of packages have no archive of Debian's");
  const sources = join(folder, "sources.list");
  await writeFile(sources, lines.join(""));
  return freshLists(join(folder, "debian-12"), { "Dir::Etc::SourceList": sources, "Dir::Etc::SourceParts": "-" });
}

/** The addresses of the archives that a set of lists is of. */
async function archives({ options }: AptSource): Promise<readonly string[]> {
  const text = await run("apt-get", [...options, "indextargets", "--format", "$(REPO_URI)"]);
  return [...new Set(text.split("\n"))];
}

/** The address of Debian's main archive, of which a new system can be made. @throws ToolError when this machine uses none */
export async function debianArchive(): Promise<string> {
  const found = (await archives(THIS_MACHINE)).find((uri) =>
    SUITES.some(([ending, suite]) => suite === "bookworm" && ending.test(uri)),
  );
  if (found === undefined) throw new ToolError("this machine's sources of packages have no archive of Debian's");
  return found;
}

/** Runs `apt-get update` into a folder of ours, without being root. */
async function freshLists(folder: string, sources: Readonly<Record<string, string>>): Promise<AptSource> {
  await mkdir(join(folder, "lists/partial"), { recursive: true });
  const settings = {
    ...sources,
    "Dir::State::Lists": join(folder, "lists"),
    "Dir::Cache::pkgcache": join(folder, "pkgcache.bin"),
    "Dir::Cache::srcpkgcache": join(folder, "srcpkgcache.bin"),
    "APT::Architecture": "amd64",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await run("apt-get", ["-q", ...options, "update"]);
  return { options };
}

/** The names of the packages that `name` depends on directly; none when the lists do not have it. */
export async function dependenciesOf(source: AptSource, name: string): Promise<string[]> {
  const text = await run("apt-cache", [...source.options, "depends", name]).catch(() => "");
  return [...text.matchAll(/^\s*Depends: (\S+)$/gm)].map((match) => match[1] ?? "");
}

/** Whether the lists have the package. */
export async function hasPackage(source: AptSource, name: string): Promise<boolean> {
  const text = await run("apt-cache", [...source.options, "show", "--no-all-versions", name]).catch(() => "");
  return text !== "";
}

export interface Fetching {
  /** For a person. */
  readonly what: string;
  /** The packages' names in these lists. @throws ToolError when they do not have them */
  found(source: AptSource): Promise<readonly string[]>;
  /** Where the archives go. */
  readonly folder: string;
  readonly progress: Progress;
}

/**
 * Downloads packages and unpacks them into `folder`: by this machine's package lists, or when they are stale or lack
 * them, by new ones.
 * @returns the packages' names
 */
export async function fetchPackages({ what, found, folder, progress }: Fetching): Promise<readonly string[]> {
  const download = async (source: AptSource) => {
    const names = await found(source);
    progress(`fetching ${what} (${names.join(", ")})`);
    // Of its own, as an attempt that fails may leave some of the packages.
    const archives = await mkdtemp(join(folder, "packages-"));
    try {
      await run("apt-get", ["-q", ...source.options, "download", ...names], { cwd: archives });
      for (const archive of await readdir(archives)) await run("dpkg-deb", ["-x", join(archives, archive), folder]);
    } finally {
      await rm(archives, { recursive: true });
    }
    return names;
  };
  try {
    return await download(THIS_MACHINE);
  } catch (first) {
    progress("this machine's package lists do not lead to it: fetching Debian 12's");
    const lists = join(folder, "apt");
    try {
      return await download(await debian12(lists));
    } catch (second) {
      throw new ToolError(`${what} cannot be fetched:\n${messageOf(first)}\n${messageOf(second)}`);
    } finally {
      await rm(lists, { recursive: true, force: true });
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
