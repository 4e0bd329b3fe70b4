// A Debian package of a tree of files, by dpkg-deb. (nfpm is in neither Debian nor npm.)

import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "../shared/run.ts";
import { CHECKOUT } from "../vm/vm.ts";

export const MAINTAINER = "Devlift maintainers <maintainers@devlift.invalid>";

export interface Deb {
  readonly name: string;
  readonly version: string;
  /** As Debian calls it, or "all". */
  readonly architecture: string;
  readonly section: string;
  /** Of the control file, e.g. { Depends: "nodejs" }. */
  readonly fields: Readonly<Record<string, string>>;
  /** One line, and paragraphs. */
  readonly summary: string;
  readonly description: readonly string[];
  /** Of all that is in it. */
  readonly copyright: string;
  /** By name, e.g. "postinst". */
  readonly scripts: Readonly<Record<string, string>>;
}

/** A folder that becomes a package. Paths are those on the machine that it is installed on. */
export class Tree {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
  }

  /** The absolute path of what is to be at `path`, whose folder is made. */
  at(path: string): string {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  }

  write(path: string, content: string | Uint8Array): void {
    writeFileSync(this.at(path), content);
  }
}

/** The time of the last commit, so that the same sources make the same package. */
export async function sourceDate(): Promise<Date> {
  return new Date(Number(await run("git", ["log", "-1", "--format=%ct"], { cwd: CHECKOUT })) * 1000);
}

/** Without its own header: then what is compressed says nothing of when. */
export function gzip(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

/** @returns the path of the package, in `out` */
export async function writeDeb(tree: Tree, deb: Deb, out: string): Promise<string> {
  const { name, version, architecture } = deb;
  const date = await sourceDate();
  const doc = `/usr/share/doc/${name}`;
  tree.write(`${doc}/copyright`, deb.copyright);
  tree.write(
    `${doc}/changelog.gz`,
    gzip(
      `${name} (${version}) unstable; urgency=medium\n\n  * Version ${version}.\n\n -- ${MAINTAINER}  ${date.toUTCString().replace("GMT", "+0000")}\n`,
    ),
  );
  tidy(tree.root);
  const size = await run("du", ["-sk", "--apparent-size", tree.root]);
  tree.write("/DEBIAN/control", controlOf(deb, Number.parseInt(size, 10)));
  for (const [script, text] of Object.entries(deb.scripts)) {
    tree.write(`/DEBIAN/${script}`, text);
    chmodSync(tree.at(`/DEBIAN/${script}`), 0o755);
  }
  const sums = await run("sh", ["-c", "find usr -type f | sort | xargs md5sum"], { cwd: tree.root });
  tree.write("/DEBIAN/md5sums", sums);
  const file = join(out, `${name}_${version}_${architecture}.deb`);
  mkdirSync(out, { recursive: true });
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(date.getTime() / 1000) };
  await run("dpkg-deb", ["--root-owner-group", "--build", tree.root, file], { env });
  return file;
}

function controlOf(deb: Deb, size: number): string {
  const { name, version, architecture, section, fields, summary, description } = deb;
  const all = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: MAINTAINER,
    "Installed-Size": String(size),
    ...fields,
    Section: section,
    Priority: "optional",
    Description: [summary, ...description.map(wrapped)].join("\n .\n").replace("\n .\n", "\n"),
  };
  return `${Object.entries(all)
    .map(([field, value]) => `${field}: ${value}`)
    .join("\n")}\n`;
}

/** Lines of at most 78 characters, each with the blank that the control file wants. */
function wrapped(paragraph: string): string {
  return paragraph.replace(/(.{1,76})(?:\s+|$)/g, " $1\n").trimEnd();
}

/** Modes that do not depend on who builds: what was to be run stays so. */
function tidy(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    const stats = lstatSync(path);
    if (stats.isDirectory()) tidy(path);
    else if (!stats.isSymbolicLink()) chmodSync(path, path.endsWith(".mjs") ? 0o755 : 0o644);
  }
}
