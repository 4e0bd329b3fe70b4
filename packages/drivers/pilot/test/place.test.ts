import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultLink } from "../src/place.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pilot-place-"));
  for (const name of ["dev", "run", "tmp"]) mkdirSync(join(root, name));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A directory that nobody can write to, root included: it is not there. */
const missing = "/nonexistent";

function place(given: { readonly dev?: string; readonly run?: string; readonly uid?: number }) {
  return defaultLink({
    uid: given.uid ?? process.getuid?.() ?? 0,
    deviceDirectory: given.dev ?? missing,
    runtimeDirectory: given.run,
    temporaryDirectory: join(root, "tmp"),
  });
}

test("/dev/pilot where /dev can be written to", () => {
  expect(place({ dev: join(root, "dev") })).toEqual({ path: "/dev/pilot" });
});

test("else the user's runtime directory, and the log says why", () => {
  const { path, why } = place({ run: join(root, "run") });
  expect([path, why]).toEqual([join(root, "run", "devlift", "pilot"), expect.stringContaining(missing)]);
  expect(statSync(join(root, "run", "devlift")).mode & 0o777).toBe(0o700);
});

test("else a directory of the user's own in /tmp", () => {
  const uid = process.getuid?.() ?? 0;
  expect(place({}).path).toBe(join(root, "tmp", `devlift-${uid}`, "pilot"));
  expect(place({ run: "relative" }).path).toBe(join(root, "tmp", `devlift-${uid}`, "pilot"));
});

test("a directory in /tmp that somebody else made, or a link, is not used", () => {
  const uid = process.getuid?.() ?? 0;
  mkdirSync(join(root, "tmp", `devlift-${uid + 1}`));
  expect(() => place({ uid: uid + 1 })).toThrow("belongs to somebody else");
  symlinkSync(join(root, "run"), join(root, "tmp", `devlift-${uid}`));
  expect(() => place({})).toThrow("belongs to somebody else");
});

test("a directory in /tmp that others may write to is not used", () => {
  const directory = join(root, "tmp", `devlift-${process.getuid?.() ?? 0}`);
  mkdirSync(directory);
  for (const mode of [0o720, 0o702]) {
    chmodSync(directory, mode);
    expect(() => place({})).toThrow("others may write to");
  }
  chmodSync(directory, 0o755);
  expect(place({}).path).toBe(join(directory, "pilot"));
});
