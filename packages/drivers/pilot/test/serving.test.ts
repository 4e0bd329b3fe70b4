// The permissions of a pty as the command line gives them.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceError, type NodePermissions } from "@devlift/core";
import { expect, test } from "vitest";
import { chooseServing } from "../src/serving.ts";
import { MemoryLog } from "./bench.ts";

const gid = process.getgid?.() ?? 0;

test.each<[string, NodePermissions, number]>([
  ["a group alone reads and writes", { gid }, 0o660],
  ["a mode is kept as it was asked for", { gid, mode: 0o640 }, 0o640],
])("%s", async (_, permissions, mode) => {
  const folder = mkdtempSync(join(tmpdir(), "pilot-serving-"));
  const source = { kind: "usb", address: { kind: "libusb" }, wait: false } as const;
  const asked = { device: join(folder, "pilot"), channel: "pty", source, permissions } as const;
  const driver = { name: "none", open: () => Promise.reject(new DeviceError("ENODEV")) };
  const watching = { trace: undefined, record: undefined };
  const serving = chooseServing({
    ...asked,
    logLevel: "info",
    logFormat: "text",
    control: undefined,
    idleExit: undefined,
    watching,
  });
  const traced = {
    ...asked,
    logLevel: "info",
    logFormat: "text",
    control: undefined,
    idleExit: undefined,
    watching: { ...watching, trace: "stderr" },
  } as const;
  expect(() => chooseServing(traced)).toThrow("see nothing of a pty");
  const channel = await serving.serve(driver, new MemoryLog());
  const made = statSync(asked.device);
  await channel.close();
  rmSync(folder, { recursive: true });
  expect([made.mode & 0o777, made.gid]).toEqual([mode, gid]);
});
