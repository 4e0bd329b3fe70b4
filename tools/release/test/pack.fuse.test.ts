// What `npm run pack` makes, installed as a person does who has neither this checkout, nor a compiler, nor a network.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../shared/run.ts";
import { pack } from "../pack.ts";
import { commands, libraries } from "../packages.ts";
import { call, serve } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "devlift-pack-"));
const prefix = join(root, "prefix");
const bin = join(prefix, "bin");
/** A PATH with Node alone. */
const bare = { PATH: join(root, "path") };
let tarballs: readonly string[];

/** With an empty cache, and no way to the registry. */
function install(where: string, files: readonly string[], ...args: readonly string[]): Promise<string> {
  const options = ["--offline", "--no-audit", "--no-fund", `--cache=${join(root, "cache")}`, `--prefix=${where}`];
  return run("npm", ["install", ...options, ...args, ...files], { cwd: where });
}

/** "@devlift/pilot" is in devlift-pilot-VERSION.tgz. */
const packed = ({ name }: { readonly name: string }): string => tarballOf(name.replace("@devlift/", ""));
const tarballOf = (name: string): string => tarballs.find((path) => path.includes(`/devlift-${name}-`)) ?? name;

beforeAll(async () => {
  mkdirSync(prefix);
  mkdirSync(bare.PATH);
  symlinkSync(process.execPath, join(bare.PATH, "node"));
  tarballs = await pack(join(root, "tarballs"), () => undefined);
  await install(prefix, commands().map(packed), "--global");
}, 240_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("there is a tarball for each package that is not private", () => {
  expect(tarballs).toHaveLength(libraries().length + commands().length);
  expect(readdirSync(join(root, "tarballs"))).toHaveLength(tarballs.length);
});

test.each(commands())("$command: --version and --help", ({ command, version }) => {
  expect(call(join(bin, command), ["--version"], bare)).toEqual({
    status: 0,
    stdout: `${command} ${version}\n`,
    stderr: "",
  });
  expect(call(join(bin, command), ["--help"], bare).stdout).toContain(`Usage: ${command} `);
});

test("devlift knows the drivers that are installed beside it", () => {
  expect(call(join(bin, "devlift"), ["list"], bare).stdout).toMatch(/oss.*\n(.*\n)*.*pilot/);
});

test("what is installed is the command alone, and asks for nothing to be run", async () => {
  expect(readdirSync(join(prefix, "lib", "node_modules"))).toEqual(["@devlift"]);
  expect(readdirSync(join(prefix, "lib", "node_modules", "@devlift"))).toEqual(
    commands()
      .map(({ name }) => name.replace("@devlift/", ""))
      .sort(),
  );
  for (const tarball of tarballs) {
    const manifest = JSON.parse(await run("tar", ["-xzOf", tarball, "package/package.json"]));
    expect(Object.keys(manifest.scripts).filter((name) => /install|prepare/.test(name))).toEqual([]);
    expect(JSON.stringify(manifest)).not.toContain("workspace:");
  }
});

test("devlift-oss serves its files over fuse", async () => {
  const folder = join(root, "dev");
  const daemon = await serve(join(bin, "devlift-oss"), ["--channel=fuse", `--folder=${folder}`], bare);
  expect(call("/bin/cat", [join(folder, "sndstat")], {}).stdout).toContain("devlift-oss");
  expect(await daemon.stop()).toBe(0);
});

test("devlift-pilot serves a port, with libusb and the serial bindings that it brings", async () => {
  const link = join(root, "pilot");
  const daemon = await serve(join(bin, "devlift-pilot"), ["--channel=pty", `--device=${link}`], bare);
  expect(await daemon.stop()).toBe(0);
  // The port behind it is opened with the device file.
  const cradle = await serve(
    join(bin, "devlift-pilot"),
    ["--channel=pty", `--device=${link}`, "--serial=/dev/x"],
    bare,
  );
  expect(await cradle.stop()).toBe(0);
});

test("on another processor it says what it lacks", () => {
  const arch = encodeURIComponent('Object.defineProperty(process, "arch", { value: "arm64" })');
  const env = { ...bare, NODE_OPTIONS: `--import data:text/javascript,${arch}` };
  const { status, stderr } = call(join(bin, "devlift-pilot"), ["--channel=pty", `--device=${join(root, "x")}`], env);
  expect([status, stderr]).toEqual([1, expect.stringContaining("There is no native addon for linux-arm64")]);
});

test("a driver in plain JavaScript is written with the libraries", async () => {
  const author = join(root, "author");
  mkdirSync(author);
  writeFileSync(join(author, "package.json"), '{ "type": "module" }');
  await install(author, [tarballOf("core"), tarballOf("pulse")]);
  const path = join(author, "hello");
  writeFileSync(
    join(author, "driver.js"),
    `import { defineDevice, runDaemon } from "@devlift/core";
    import { connect } from "@devlift/pulse";
    const hello = defineDevice({ name: "hello", read: () => new TextEncoder().encode(typeof connect) });
    await runDaemon(hello);`,
  );
  const daemon = await serve(process.execPath, [join(author, "driver.js"), "--channel=fuse", `--path=${path}`], bare);
  expect(call("/usr/bin/head", ["-c", "8", path], {}).stdout).toBe("function");
  expect(await daemon.stop()).toBe(0);
});
