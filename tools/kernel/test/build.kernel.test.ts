// What the tool makes of a module of a few lines, in a cache of its own that has the user's kernels and headers.

import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cacheFolder } from "../../vm/cache.ts";
import { DEFAULT_KERNEL } from "../../vm/kernel.ts";
import { buildFusd } from "../build.ts";
import { checkBuild } from "../check.ts";
import { checkpatch } from "../checkpatch.ts";
import { buildTree } from "../headers.ts";
import { tinyModule } from "./tiny-module.ts";

let folders: string[] = [];
const made = (folder: string) => {
  folders.push(folder);
  return folder;
};
let said: string[] = [];
const progress = (text: string) => said.push(text);
const builds = () => said.filter((text) => text.startsWith("building")).length;

beforeEach(async () => {
  await buildTree(DEFAULT_KERNEL, progress);
  await checkpatch(progress, made(await tinyModule()));
  const users = cacheFolder();
  vi.stubEnv("XDG_CACHE_HOME", made(await mkdtemp(join(tmpdir(), "devlift-cache-"))));
  await mkdir(cacheFolder(), { recursive: true });
  for (const name of await readdir(users)) {
    if (/^(linux|headers|checkpatch)/.test(name)) await symlink(join(users, name), join(cacheFolder(), name));
  }
  said = [];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const folder of folders) await rm(folder, { recursive: true });
  folders = [];
});

test("two at once build once, and a change of the sources builds again", async () => {
  const sources = made(await tinyModule());
  const [one, other] = await Promise.all([
    buildFusd(DEFAULT_KERNEL, { progress, sources }),
    buildFusd(DEFAULT_KERNEL, { progress, sources }),
  ]);
  expect(other).toEqual(one);
  expect(builds()).toBe(1);
  expect((await readFile(one.module)).subarray(0, 4).toString("latin1")).toBe("\x7fELF");
  expect(await readFile(join(one.folder, "selftests/32/nothing"), "utf8")).toBe("32\n");
  expect(await readdir(one.folder)).toEqual(["fusd.ko", "selftests"]);

  await appendFile(join(sources, "main.c"), 'MODULE_VERSION("2");\n');
  const next = await buildFusd(DEFAULT_KERNEL, { progress, sources });
  expect(next.folder).not.toBe(one.folder);
  expect(builds()).toBe(2);
});

test("what does not compile is told in the compiler's words, and leaves nothing", async () => {
  const sources = made(await tinyModule("int oops(void) { return nowhere; }\n"));
  await expect(buildFusd(DEFAULT_KERNEL, { progress, sources })).rejects.toThrow(/main\.c:6:\d+: error: .*nowhere/);
  expect(await readdir(join(cacheFolder(), "fusd"))).toEqual(["lock"]);
});

test("each of the checks finds what it is for, and nothing in what is right", async () => {
  const right = made(await tinyModule());
  expect(await checkBuild(DEFAULT_KERNEL, { progress, sources: right })).toEqual([]);
  expect(await checkpatch(progress, right)).toEqual([]);

  const wrong = `
__be32 swapped(u32 x, void __user *p)
{
	return x + *(u8 *)p;
}
int  two ;
`;
  const sources = made(await tinyModule(wrong));
  const findings = await checkBuild(DEFAULT_KERNEL, { progress, sources });
  expect(findings).toContainEqual(expect.stringMatching(/^main\.c:7:8: warning: no previous prototype for .swapped/));
  expect(findings).toContainEqual(expect.stringMatching(/^main\.c:9:.* incorrect type in return expression/));
  expect(findings).toContainEqual(expect.stringMatching(/^main\.c:9:.* cast removes address space/));
  expect(await checkpatch(progress, sources)).toContainEqual(expect.stringMatching(/^main\.c:11: WARNING:SPACING:/));
});
