// The examples as files, on /dev/fuse.

import { chmodSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fuse, serve, silent } from "@devlift/core";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { ioctl } from "../src/ioctl.ts";
import { opened, testExamples } from "./real-kernel.ts";

const root = mkdtempSync(join(tmpdir(), "devlift-examples-"));
chmodSync(root, 0o755); // another user has to get as far as the file
// Nothing may be left there. (rmSync() would look at a file that this thread serves, and wait for itself.)
afterAll(() => rmdirSync(root));

testExamples(fuse, `${root}/`);

test("ioctl: pointers in a struct are refused, and the operator is told", async () => {
  const warnings: string[] = [];
  const log = { ...silent, warn: (_: object, message: string) => void warnings.push(message) };
  const channel = await serve(ioctl, { channel: fuse, path: `${root}/ioctl`, log });
  onTestFinished(() => channel.close());
  const program = await opened(channel.path);
  expect(await program.ioctlBuffer("a", 0x4018_4706, new Uint8Array(24))).toMatchObject({ errno: 25 });
  expect(warnings[0]).toMatch(/^[^:]+: JOIN: [^:]+$/);
});
