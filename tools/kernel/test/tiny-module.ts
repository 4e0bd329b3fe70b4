// A module of a few lines, to see what the tools make of it: its sources in a folder of their own.

import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FILES: Readonly<Record<string, string>> = {
  Kbuild: "obj-m := fusd.o\nfusd-y := main.o\n",
  "main.c": `// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

MODULE_DESCRIPTION("Nothing");
MODULE_LICENSE("GPL");
`,
  "selftests/Makefile": 'all:\n\techo "$(BITS)" >$(OUT)/nothing\n',
};

/** Writes the sources, with `added` at the end of main.c. @returns their folder, which the caller removes */
export async function tinyModule(added = ""): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tiny-module-"));
  await mkdir(join(folder, "selftests"));
  for (const [name, text] of Object.entries(FILES))
    await writeFile(join(folder, name), name === "main.c" ? text + added : text);
  return folder;
}
