// The lines that the examples' headers tell to type do what they should. The README's table has the same lines.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { examples, linesOf, TIMEOUT, tryLines } from "./documented.ts";

/** What the shell prints; a client that follows has printed it by then and waits. */
const PRINTS: Readonly<Record<string, string | RegExp>> = {
  null: "0\n",
  helloworld: "Hello, world!\n",
  echo: "HI THERE\nHI THERE\n",
  "uid-filter": /^You are cat, your PID is \d+\. Have a nice day\.\ncat: .*: Operation not permitted\n$/,
  drums: "bam\nBAM!!!!!\nBANG!!!!!\nBEAT!!!!!\nBOOM!!!!!\nBUM!!!!!\n",
  "console-read": "typed at the terminal\n",
  ioctl: "HEY",
  pager: "dinner\ndinner\n",
  clock: /^([0-9T:-]+\.000Z\n){2,}$/,
  logring: "one\ntwo\n",
};

/** What needs a module, and is tried where that is. */
const IN_VM = ["mmap"];

test.each(Object.entries(PRINTS))("%s", { timeout: 2 * TIMEOUT }, async (name, prints) => {
  const folder = mkdtempSync(join(tmpdir(), "devlift-documented-"));
  // Another user is a client of one of them.
  chmodSync(folder, 0o755);
  // As typed, but for the folder: this machine's /tmp may have such a name already.
  const here = (line: string) => line.replaceAll("/tmp/", `${folder}/`);
  const [start, ...clients] = linesOf(name);
  const path = /--path (\S+)/.exec(here(start))?.[1] ?? "/dev/drums/volume";
  await tryLines([here(start), ...clients.map(here)], path, prints);
  rmdirSync(folder);
});

test("the README has every example, with the lines of its header", () => {
  const readme = readFileSync(`${examples}/README.md`, "utf8");
  const sources = readdirSync(`${examples}/src`).filter((file) => file !== "is-main.ts");
  for (const file of sources) expect(readme).toContain(`(src/${file})`);
  const here = sources.filter((file) => file.endsWith(".ts")).map((file) => file.replace(".ts", ""));
  expect(here.sort()).toEqual([...Object.keys(PRINTS), ...IN_VM].sort());
  for (const name of here) {
    expect(readme).toContain(`[${name}](src/${name}.ts)`);
    for (const line of linesOf(name).slice(1)) expect(readme).toContain(`\`${line}\``);
  }
  for (const line of linesOf("echo")) expect(readme).toContain(`\n${line}\n`);
});
