// Which tiers a command line runs.

import { expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import { parseCommandLine, selectTiers, withVm } from "../cli.ts";
import { kernelsOf, listTestFiles, type TestFiles } from "../tiers.ts";

const FILES: TestFiles = {
  unit: ["a.test.ts"],
  fuse: ["c.fuse.test.ts"],
  sound: ["e.sound.test.ts"],
  kernel: ["d.kernel.test.ts"],
  boot: ["b.boot.test.ts"],
  debian: ["d.debian.test.ts"],
  vm: [
    { path: "c.vm.test.ts", kernels: ["6.12"] },
    { path: "d.vm.test.ts", kernels: ["6.12", "6.1"] },
    { path: "e.vm.test.ts", kernels: ["6.12", "debug"] },
  ],
};
const NONE: TestFiles = { unit: [], fuse: [], sound: [], kernel: [], boot: [], debian: [], vm: [] };

const names = (args: string[], files = FILES) => selectTiers(parseCommandLine(args), files).map((tier) => tier.name);

test("all of them, or as the options say", () => {
  const here = ["lint", "types", "unit", "fuse", "sound", "kernel"];
  expect(names([])).toEqual([...here, "boot", "debian", "vm 6.12", "vm 6.1", "vm debug"]);
  expect(names(["--no-vm"])).toEqual(here);
  expect(names(["--kernel", "6.1"])).toEqual(["vm 6.1"]);
  expect(names(["--tier", "unit", "--tier", "lint"])).toEqual(["lint", "unit"]);
  expect(withVm(parseCommandLine(["--no-vm"]))).toBe(false);
  expect(withVm(parseCommandLine([]))).toBe(true);
});

test("without a pattern a tier without files stays, to fail by its name; a kernel that no test names is left out", () => {
  expect(names([], NONE)).toEqual(["lint", "types", "unit", "fuse", "sound", "kernel", "boot", "debian", "vm 6.12"]);
  expect(names(["--kernel", "6.1"], NONE)).toEqual(["vm 6.1"]);
});

test("a pattern leaves out what it does not concern, and has to find something", () => {
  expect(names(["d.vm"], { ...NONE, vm: FILES.vm.slice(1, 2) })).toEqual(["vm 6.12", "vm 6.1"]);
  expect(() => names(["nothing"], NONE)).toThrow(ToolError);
});

test("what is not understood is an error", () => {
  for (const args of [["--no-such"], ["a", "b"], ["--kernel", "5.10"], ["--tier", "x"], ["--tier", "vm", "--no-vm"]])
    expect(() => parseCommandLine(args)).toThrow(ToolError);
});

test("a pattern finds test files by their path, each in its tier", async () => {
  expect(await listTestFiles("tools/vm/test/tr")).toEqual({
    unit: ["tools/vm/test/trailer.test.ts"],
    fuse: [],
    sound: [],
    kernel: [],
    boot: [],
    debian: [],
    vm: [],
  });
  expect((await listTestFiles("tools/vm/test/vm.")).boot).toEqual(["tools/vm/test/vm.boot.test.ts"]);
});

test("a test file names its kernels in a comment", () => {
  expect(kernelsOf("import {} from 'x';\n")).toEqual(["6.12"]);
  expect(kernelsOf("// Sync.\n// Kernels: 6.12, 6.1\n")).toEqual(["6.12", "6.1"]);
  expect(() => kernelsOf("// Kernels: 5.10\n")).toThrow(ToolError);
});
