// kernel/fusd itself: it builds for each kernel, no checker finds anything, and DKMS can build it.

import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { fetchPackages } from "../../vm/apt.ts";
import { cached } from "../../vm/cache.ts";
import { DEFAULT_KERNEL, STOCK_LINES } from "../../vm/kernel.ts";
import { buildFusd } from "../build.ts";
import { checkBuild } from "../check.ts";
import { checkpatch } from "../checkpatch.ts";
import { buildTree } from "../headers.ts";
import { copySources, SOURCES } from "../sources.ts";

const progress = () => undefined;

/** A line of `modinfo`, which a user's PATH may lack. */
const info = async (field: string, module: string) => run("/sbin/modinfo", ["-F", field, module]);

test.each(STOCK_LINES)("it builds for Linux %s", async (line) => {
  const { module, release } = await buildFusd(line, { progress });
  expect(await info("vermagic", module)).toContain(`${release} `);
  expect(await info("license", module)).toBe("GPL\n");
});

test.each(STOCK_LINES)("compiler and sparse find nothing, on Linux %s", async (line) => {
  expect(await checkBuild(line, { progress })).toEqual([]);
});

test("checkpatch finds nothing", async () => {
  expect(await checkpatch(progress)).toEqual([]);
});

/** The first value of each setting of dkms.conf. */
async function dkmsSettings(): Promise<Map<string, string>> {
  const text = await readFile(join(SOURCES, "dkms.conf"), "utf8");
  return new Map([...text.matchAll(/^(\w+)(?:\[0\])?="(.*)"$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

test("dkms.conf names what Kbuild makes", async () => {
  const kbuild = await readFile(join(SOURCES, "Kbuild"), "utf8");
  const settings = await dkmsSettings();
  expect(/^obj-m\s*[:+]?=\s*(.+)\.o$/m.exec(kbuild)?.[1]).toBe(settings.get("BUILT_MODULE_NAME"));
});

test("DKMS builds it", async () => {
  const program = await cached("dkms", async (folder) => {
    await fetchPackages({ what: "DKMS", found: async () => ["dkms"], folder, progress });
  });
  const tree = await buildTree(DEFAULT_KERNEL, progress);
  const settings = await dkmsSettings();
  const [name = "", version = ""] = ["PACKAGE_NAME", "PACKAGE_VERSION"].map((key) => settings.get(key));
  const scratch = await mkdtemp(join(tmpdir(), "dkms-"));
  try {
    const [sources, built] = [join(scratch, "sources"), join(scratch, "built")];
    await mkdir(built);
    await copySources(join(sources, `${name}-${version}`));
    await copyFile(join(SOURCES, "dkms.conf"), join(sources, `${name}-${version}`, "dkms.conf"));
    const trees = ["--kernelsourcedir", tree.folder, "--sourcetree", sources, "--dkmstree", built, "--no-depmod"];
    const command = [join(program, "usr/sbin/dkms"), "build", `${name}/${version}`, "-k", tree.release, ...trees];
    await run("bash", command);
    const module = join(built, name, version, tree.release, "x86_64/module/fusd.ko");
    expect(await info("vermagic", module)).toContain(`${tree.release} `);
  } finally {
    await rm(scratch, { recursive: true });
  }
});
