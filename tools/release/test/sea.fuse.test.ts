// What `npm run sea` makes, run with nothing around it: an empty environment, so no PATH, and no node_modules.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sea } from "../sea.ts";
import { call, serve } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "devlift-executables-"));
const unpacked = join(root, "tmp");
/** The environment: where addons are unpacked, so that one sees what is left. */
const bare = { TMPDIR: unpacked };
let executables: readonly string[];

beforeAll(async () => {
  mkdirSync(unpacked);
  executables = await sea(join(root, "sea"), () => undefined);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const executableOf = (name: string): string => executables.find((path) => path.includes(`/devlift-${name}-`)) ?? name;

test("--version and --help need nothing", () => {
  expect(call(executableOf("pilot"), ["--version"], {})).toEqual({
    status: 0,
    stdout: "devlift-pilot 0.1.0\n",
    stderr: "",
  });
  expect(call(executableOf("oss"), ["--help"], {}).stdout).toContain("Usage: devlift-oss [options]");
});

test("devlift-oss serves its files over fuse, and leaves nothing of its addon", async () => {
  const folder = join(root, "dev");
  const daemon = await serve(executableOf("oss"), ["--channel=fuse", `--folder=${folder}`], bare);
  expect(readdirSync(unpacked)).toEqual([]);
  expect(call("/bin/cat", [join(folder, "sndstat")], {}).stdout).toContain("devlift-oss");
  expect(await daemon.stop()).toBe(0);
});

test("devlift-pilot serves a port, with libusb and with the serial bindings", async () => {
  for (const source of ["--usb=libusb", "--serial=/dev/x"]) {
    const args = ["--channel=pty", `--device=${join(root, "pilot")}`, source];
    const daemon = await serve(executableOf("pilot"), args, bare);
    expect(await daemon.stop()).toBe(0);
  }
  expect(readdirSync(unpacked)).toEqual([]);
});

test("it is the Node that core starts for a question", () => {
  const script = "process.stdout.write(require('path').basename(process.argv[1]))";
  expect(call(executableOf("oss"), ["-e", script, "/a/path"], bare)).toEqual({ status: 0, stdout: "path", stderr: "" });
});

test("where an addon cannot be unpacked, it says what to do", () => {
  const args = ["--channel=fuse", `--folder=${join(root, "other")}`];
  const { status, stderr } = call(executableOf("oss"), args, { TMPDIR: join(root, "missing") });
  expect([status, stderr]).toEqual([1, expect.stringContaining("TMPDIR names another folder")]);
});
