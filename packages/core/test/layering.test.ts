// The rule that imports go one way stands in biome.json. This test shows that it can go red: each forbidden import is
// linted in a copy of the tree's shape, beside an allowed one.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const checkout = fileURLToPath(new URL("../../..", import.meta.url));
const copy = mkdtempSync(join(tmpdir(), "devlift-layering-"));
copyFileSync(join(checkout, "biome.json"), join(copy, "biome.json"));

afterAll(() => rmSync(copy, { recursive: true }));

/** The names of the rules that a file breaks. */
function broken(path: string, source: string): string[] {
  const file = join(copy, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, source);
  const biome = join(checkout, "node_modules/.bin/biome");
  const args = ["lint", "--vcs-enabled=false", "--reporter=json", path];
  const { stdout, stderr } = spawnSync(biome, args, { cwd: copy, encoding: "utf8" });
  rmSync(file);
  expect(stdout, stderr).toContain('"diagnostics"');
  return [...stdout.matchAll(/"category":"([^"]+)"/g)].map((match) => match[1] ?? "");
}

const uses = (specifier: string) => `import { a } from "${specifier}";\na();\n`;
const IMPORT = "lint/style/noRestrictedImports";

describe("imports that the layering forbids", () => {
  test.each([
    ["packages/core/src/layout/x.ts", "../wire/abi.ts"],
    ["packages/core/src/layout/x.ts", "../native.ts"],
    ["packages/core/src/wire/x.ts", "../session/call.ts"],
    ["packages/core/src/session/x.ts", "../channel/cuse.ts"],
    ["packages/core/src/session/x.ts", "../device/serve.ts"],
    ["packages/core/src/trace/x.ts", "../device/serve.ts"],
    ["packages/core/src/channel/x.ts", "../device/serve.ts"],
    ["packages/core/src/device/x.ts", "@devlift/tty"],
    ["packages/uapi/src/x.ts", "@devlift/tty"],
    ["packages/core/src/device/x.ts", "@devlift/uapi/termios"],
    ["packages/usb/src/x.ts", "@devlift/tty"],
    ["packages/pulse/src/x.ts", "@devlift/core"],
    ["packages/tty/src/x.ts", "@devlift/usb"],
    ["packages/tty/src/x.ts", "@devlift/usb/virtual"],
    ["packages/tty/src/x.ts", "@devlift/pilot"],
    ["packages/drivers/pilot/src/x.ts", "@devlift/testing"],
    ["packages/drivers/pilot/src/x.ts", "@devlift/usb/virtual"],
  ])("%s must not import %s", (path, specifier) => {
    expect(broken(path, uses(specifier))).toContain(IMPORT);
  });

  test.each(["layout", "wire", "session", "trace"])("%s is pure", (layer) => {
    const path = `packages/core/src/${layer}/x.ts`;
    expect(broken(path, uses("node:fs"))).toContain("lint/correctness/noNodejsModules");
    expect(broken(path, "setTimeout(() => 1, 2);\n")).toContain("lint/style/noRestrictedGlobals");
  });
});

describe("imports that it allows", () => {
  test.each([
    ["packages/core/src/layout/x.ts", "./schema.ts"],
    ["packages/core/src/wire/x.ts", "../layout/index.ts"],
    ["packages/core/src/session/x.ts", "../wire/abi.ts"],
    ["packages/core/src/trace/x.ts", "../session/fuse-session.ts"],
    ["packages/core/src/channel/x.ts", "../session/engine.ts"],
    ["packages/core/src/device/x.ts", "../channel/cuse.ts"],
    ["packages/uapi/src/x.ts", "@devlift/core"],
    ["packages/tty/src/x.ts", "@devlift/uapi/termios"],
    ["packages/usb/src/x.ts", "@devlift/core"],
    ["packages/drivers/pilot/src/x.ts", "@devlift/tty"],
  ])("%s may import %s", (path, specifier) => {
    expect(broken(path, uses(specifier))).toEqual([]);
  });
});
