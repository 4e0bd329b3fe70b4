// What can be asked for, and what is refused.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { main } from "../cli.ts";

/** A checkout with a package and a driver's folder. */
function checkout(): string {
  const root = mkdtempSync(join(tmpdir(), "devlift-new-driver-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "packages", "core"), { recursive: true });
  writeFileSync(join(root, "packages", "core", "package.json"), '{ "name": "@devlift/core" }');
  mkdirSync(join(root, "packages", "drivers", "begun"), { recursive: true });
  return root;
}

/** @returns what was printed */
async function newDriver(root: string, ...args: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    expect(await main(args, root)).toBe(0);
  } finally {
    write.mockRestore();
  }
  return printed.join("");
}

test.each([
  [["x", "--kind", "plain"], /2 to 23 small letters/],
  [["a-name-of-24-characters1", "--kind", "plain"], /2 to 23 small letters/],
  [["Printer", "--kind", "plain"], /2 to 23 small letters/],
  [["../x", "--kind", "plain"], /2 to 23 small letters/],
  [["lp--0", "--kind", "plain"], /2 to 23 small letters/],
  [["core", "--kind", "plain"], "there is a package @devlift/core already"],
  [["begun", "--kind", "plain"], /begun is there already/],
  [["lp0"], "--kind : one of plain, usb, tty"],
  [["lp0", "--kind", "block"], "--kind block: one of plain, usb, tty"],
  [["lp0", "lp1", "--kind", "plain"], "one NAME, not also lp1"],
  [["--kind", "plain"], /^which name\?\n\nUsage: npm run new-driver/],
  [["lp0", "--fast"], /Usage: npm run new-driver/],
] as const)("%j is refused, and nothing is written", async (args, why) => {
  const root = checkout();
  await expect(main(args, root)).rejects.toThrow(why);
  expect(readdirSync(join(root, "packages", "drivers"), { recursive: true })).toEqual(["begun"]);
});

test("--dry-run says which files there would be, and they are written without it", async () => {
  const root = checkout();
  const files = (await newDriver(root, "lp0", "--kind", "usb", "--dry-run")).split("\n").slice(0, -2);
  expect(readdirSync(join(root, "packages", "drivers"))).toEqual(["begun"]);
  expect(await newDriver(root, "lp0", "--kind", "usb")).toMatch(/npm test -- --no-vm drivers\/lp0\//);
  const written = readdirSync(join(root, "packages", "drivers", "lp0"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1));
  expect(written.sort()).toEqual(files.sort());
  expect(written).toContain("packages/drivers/lp0/test/lp0.vm.test.ts");
});

test("--help says how", async () => {
  expect(await newDriver(checkout(), "--help")).toMatch(/^Usage: npm run new-driver NAME -- --kind KIND/);
});
