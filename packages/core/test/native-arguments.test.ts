// The addon against callers that do not keep to the types of native.ts: each wrong argument is a TypeError or a
// RangeError, and nothing crashes.

import { closeSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { addonPath, openPty, READY, watch } from "../src/native.ts";

const FIONREAD = 0x541b;
const TIOCGPTN = 0x80045430;

describe("hostile arguments", () => {
  const addon: Record<string, (...args: readonly unknown[]) => unknown> = createRequire(import.meta.url)(addonPath());
  const buffer = new Uint8Array(4);
  const parts = Array.from({ length: 17 }, () => buffer);
  const values = [undefined, null, Number.NaN, 1.5, 2 ** 31, -(2 ** 40), 1n, "0", Symbol("s"), {}, () => 0, parts];
  const others = [new Uint16Array(2), new DataView(buffer.buffer), buffer.buffer, new Proxy(buffer, {})];

  const cases: [string, readonly unknown[]][] = [
    ...values.flatMap((value): [string, readonly unknown[]][] => [
      ["read", [value, buffer]],
      ["writev", [value, buffer]],
      ["ioctl", [value, 0, 0]],
      ["peer", [value]],
    ]),
    ...[...values, ...others].flatMap((value): [string, readonly unknown[]][] => [
      ["read", [0, value]],
      ["writev", [1, buffer, value]],
      ["sdNotify", ["/nowhere", value, -1]],
    ]),
    ["ioctl", [0, -1, 0]],
    ["ioctl", [0, 2 ** 32, 0]],
    ...[undefined, null, "1", 1.5, Number.NaN, Infinity, 2 ** 60, {}, ...others].map(
      (value): [string, readonly unknown[]] => ["ioctl", [0, FIONREAD, value]],
    ),
    ["ioctl", [0, TIOCGPTN, new Uint8Array(3)]],
    ...others.map((value): [string, readonly unknown[]] => ["inotifyOpen", [value, 1]]),
    ["inotifyOpen", ["/tmp", -1]],
    ["inotifyOpen", ["", 1]],
    ["inotifyOpen", ["/tmp\0x", 1]],
    ["inotifyOpen", ["/".repeat(4096), 1]],
    ["sdNotify", [1, buffer, -1]],
    ["sdNotify", ["/nowhere", buffer]],
    ["memoryFile", ["", 1]],
    ["memoryFile", ["x", -1]],
    ["mount", [1, "/nowhere", "fuse", 0, ""]],
    ["mount", ["x", "", "fuse", 0, ""]],
    ["mount", ["x", "/nowhere", "fu\0se", 0, ""]],
    ["mount", ["x", "/nowhere", "fuse", -1, ""]],
    ["mount", ["x", "/nowhere", "fuse", 0, "x".repeat(4096)]],
    ["umount2", ["", 0]],
    ["umount2", ["/nowhere", 1.5]],
    ["receiveFd", ["0"]],
    ...[undefined, "0", 1n, -1, 0.5, Number.NaN, 2 ** 60].flatMap((value): [string, readonly unknown[]][] => [
      ["map", [0, value, 4096]],
      ["map", [0, 0, value]],
    ]),
  ];

  const names = [
    "read",
    "writev",
    "openLink",
    "ioctl",
    "inotifyOpen",
    "sdNotify",
    "peer",
    "mount",
    "umount2",
    "receiveFd",
    "map",
    "memoryFile",
  ];
  it.each([...names, "Watch"])("%s() throws", (name) => {
    expect(() => addon[name]?.()).toThrow(TypeError);
  });

  it("each wrong one throws TypeError or RangeError", () => {
    const wrong = cases.filter(([name, args]) => {
      try {
        addon[name]?.(...args);
        return true;
      } catch (error) {
        return !(error instanceof TypeError || error instanceof RangeError);
      }
    });
    expect(wrong).toEqual([]);
    expect(cases.length).toBeGreaterThan(100);
  });

  it("writev() refuses a message of 17 parts", () => {
    expect(() => addon["writev"]?.(1, ...parts)).toThrow("a message has at most 16 parts");
  });

  it("a watch checks its constructor's arguments and its methods' receivers", () => {
    const Watch: new (...args: readonly unknown[]) => unknown = createRequire(import.meta.url)(addonPath()).Watch;
    const fd = openPty().master;
    const methods: Record<string, (...args: readonly unknown[]) => unknown> = Watch.prototype;
    for (const args of [[], ["0", 1, () => 0], [fd, 16, () => 0], [fd, -1, () => 0], [fd, 1, {}]])
      expect(() => new Watch(...args)).toThrow(/must be|unknown bits/);
    expect(() => addon["Watch"]?.(fd, 1, () => 0)).toThrow("Watch must be called with new");
    for (const name of ["update", "close", "ref", "unref"])
      for (const receiver of [undefined, {}, Object.create(Watch.prototype), Watch.prototype, addon])
        expect(() => methods[name]?.call(receiver, 1)).toThrow();
    const watching = watch(fd, READY.READABLE, () => {});
    expect(() => watching.update(Number.NaN)).toThrow(RangeError);
    watching.close();
    closeSync(fd);
  });
});
