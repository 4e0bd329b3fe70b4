import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lock } from "../src/replace/lock.ts";
import { CommandError, thisSystem } from "../src/replace/system.ts";

function folder(): string {
  return mkdtempSync(join(tmpdir(), "devlift-system-"));
}

test("a file comes back with its bytes and its mode, and nothing else is left", () => {
  const place = folder();
  const file = join(place, "visor.conf");
  writeFileSync(file, new Uint8Array([0xff, 0, 0x0a]));
  chmodSync(file, 0o604);
  const image = thisSystem.readFile(file);
  if (image === undefined) throw new RangeError("it is there");
  thisSystem.writeFile(file, { ...image, bytes: Buffer.from("other").toString("base64"), mode: 0o644 });
  expect(readFileSync(file, "utf8")).toBe("other");
  thisSystem.writeFile(file, image);
  expect(thisSystem.readFile(file)).toEqual(image);
  expect(statSync(file).mode & 0o777).toBe(0o604);
  thisSystem.writeFile(file, undefined);
  thisSystem.writeFile(file, undefined);
  expect(thisSystem.readFile(file)).toBeUndefined();
  expect(readdirSync(place)).toEqual([]);
  writeFileSync(file, "");
  thisSystem.removeFolder(place);
  thisSystem.writeFile(file, undefined);
  thisSystem.removeFolder(place);
  thisSystem.removeFolder(place);
  expect(existsSync(place)).toBe(false);
});

test("what was left of a write that was cut short does not hinder the next", () => {
  const file = join(folder(), "visor.conf");
  writeFileSync(`${file}.devlift-new`, "half");
  const { uid, gid } = statSync(`${file}.devlift-new`);
  thisSystem.writeFile(file, { bytes: "", mode: 0o644, uid, gid });
  expect(readFileSync(file, "utf8")).toBe("");
});

test("what is no plain file is not touched", () => {
  const place = folder();
  symlinkSync("/etc/passwd", join(place, "link"));
  mkdirSync(join(place, "folder"));
  for (const name of ["link", "folder"])
    expect(() => thisSystem.readFile(join(place, name))).toThrow("is no plain file, and is not touched");
});

test("a command's failure has what it said", () => {
  expect(thisSystem.run("echo", ["here"])).toBe("here\n");
  expect(() => thisSystem.run("sh", ["-c", "echo why >&2; exit 3"])).toThrow(/failed: why$/);
  expect(() => thisSystem.run("sh", ["-c", "exit 3"])).toThrow(/failed: status 3$/);
  expect(() => thisSystem.run("devlift-no-such-command", [])).toThrow(CommandError);
});

test("one process at a time holds the lock", async () => {
  const name = `devlift-test-${randomUUID()}`;
  await lock(name);
  await expect(lock(name)).rejects.toThrow("another devlift is changing this machine now");
});
