// docs/writing-a-driver.md, followed literally: the command of its first part, and the files that it writes.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { CHECKOUT } from "../../vm/vm.ts";
import { addDriver, buildDriver, driverFolder } from "./workspace.ts";

/** Makes its driver in a workspace, and builds it. @returns the driver's folder */
export async function followPage(root: string): Promise<string> {
  const page = readFileSync(join(CHECKOUT, "docs", "writing-a-driver.md"), "utf8");
  const [, name = ""] = /^ {4}npm run new-driver (\S+) -- --kind plain$/m.exec(page) ?? [];
  addDriver(root, { name, kind: "plain" });
  const files = [...page.matchAll(/^```ts\n\/\/ (packages\/drivers\/\S+)\n([\s\S]*?)^```$/gm)];
  expect(files).toHaveLength(5);
  for (const [, path = "", content = ""] of files) writeFileSync(join(root, path), content);
  const folder = driverFolder(root, name);
  await buildDriver(folder);
  return folder;
}
