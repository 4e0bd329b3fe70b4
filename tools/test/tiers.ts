// The tiers: what each runs, and how its outcome becomes a TierResult.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { deb } from "../release/deb.ts";
import { ToolError } from "../shared/errors.ts";
import { progressOf } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { describeEnding } from "../vm/cli.ts";
import { debian13 } from "../vm/debian.ts";
import { DEFAULT_KERNEL, isKernelLine, type KernelLine, kernelImage } from "../vm/kernel.ts";
import { CHECKOUT, type Root, runInVm } from "../vm/vm.ts";
import { readReport } from "./report.ts";
import { failed, type Tier, type TierResult } from "./summary.ts";

/** The time that all tests of one kernel may take in the virtual machine, in seconds. */
const VM_TIME_LIMIT = 2700;

const REPORT = "report.json";

/** A test file for the virtual machine, with the kernels that it says it runs on. */
export interface VmTestFile {
  readonly path: string;
  readonly kernels: readonly KernelLine[];
}

/** The test files, by tier; paths are relative to the checkout. */
export interface TestFiles {
  readonly unit: readonly string[];
  readonly fuse: readonly string[];
  readonly sound: readonly string[];
  readonly kernel: readonly string[];
  readonly boot: readonly string[];
  readonly vm: readonly VmTestFile[];
  readonly debian: readonly string[];
}

/** What vitest.config.ts finds, of that what has `pattern` in its path. */
export async function listTestFiles(pattern: string | undefined): Promise<TestFiles> {
  const filter = pattern === undefined ? [] : [pattern];
  const text = await run("vitest", ["list", ...filter, "--filesOnly", "--json"], { cwd: CHECKOUT });
  const files: { file: string; projectName: string }[] = JSON.parse(text);
  const of = (project: string) =>
    files.filter((entry) => entry.projectName === project).map((entry) => relative(CHECKOUT, entry.file));
  const vm = of("vm").map(async (path) => ({ path, kernels: kernelsOf(await readFile(join(CHECKOUT, path), "utf8")) }));
  return {
    unit: of("unit"),
    fuse: of("fuse"),
    sound: of("sound"),
    kernel: of("kernel"),
    boot: of("boot"),
    vm: await Promise.all(vm),
    debian: of("debian"),
  };
}

/** The kernels that a test's source names in a comment `// Kernels: 6.12, 6.1`; without one it is the default only. */
export function kernelsOf(source: string): KernelLine[] {
  const named = /^\/\/ Kernels: (.+)$/m.exec(source)?.[1];
  if (named === undefined) return [DEFAULT_KERNEL];
  return named.split(",").map((word) => {
    const line = word.trim();
    if (!isKernelLine(line)) throw new ToolError(`a test names the kernel ${line}, which tools/vm does not have`);
    return line;
  });
}

/** A tier that is one program's verdict, which counts as one check. */
function checkTier(name: string, program: string, args: readonly string[]): Tier {
  return {
    name,
    run: async () => {
      const child = spawn(program, args, { cwd: CHECKOUT, stdio: "inherit" });
      const [status] = await once(child, "close");
      return status === 0 ? { passed: 1, failures: [], skipped: [] } : failed(`${name}: ${program} ${args.join(" ")}`);
    },
  };
}

export function lintTier(): Tier {
  return checkTier("lint", "biome", ["check", "--error-on-warnings", "--diagnostic-level=warn", "."]);
}

export function typesTier(): Tier {
  // A package's types depend on its neighbours' sources, which Turbo's cache for it does not look at: hence --force.
  return checkTier("types", "turbo", ["run", "typecheck", "--force", "--output-logs=errors-only"]);
}

export function unitTier(files: readonly string[]): Tier {
  return { name: "unit", run: () => runVitestHere("unit", files) };
}

/** The tests on this machine's /dev/fuse. Who is not root is told by name that they did not run. */
export function fuseTier(files: readonly string[]): Tier {
  return {
    name: "fuse",
    run: async () => {
      if (process.getuid?.() === 0) return runVitestHere("fuse", files);
      return { passed: 0, failures: [], skipped: ["the whole tier fuse: it takes root (the tier vm has most of it)"] };
    },
  };
}

/** The tests beside a sound server without hardware, which they start themselves. */
export function soundTier(files: readonly string[]): Tier {
  return { name: "sound", run: () => runVitestHere("sound", files) };
}

/** The tests that build and check kernel/fusd, for each kernel that the tier vm runs on. */
export function kernelTier(files: readonly string[]): Tier {
  return { name: "kernel", run: () => runVitestHere("kernel", files) };
}

/** The tests that boot virtual machines themselves, from outside. */
export function bootTier(files: readonly string[]): Tier {
  return { name: "boot", run: () => runVitestHere("boot", files) };
}

function vitestArguments(project: string, files: readonly string[]): string[] {
  return ["run", "--project", project, "--reporter=default", "--reporter=json", ...files];
}

async function runVitestHere(project: string, files: readonly string[]): Promise<TierResult> {
  if (files.length === 0) return { passed: 0, failures: [], skipped: [] };
  const folder = await mkdtemp(join(tmpdir(), "devlift-test-"));
  try {
    const args = [...vitestArguments(project, files), `--outputFile.json=${join(folder, REPORT)}`];
    const [status] = await once(spawn("vitest", args, { cwd: CHECKOUT, stdio: "inherit" }), "close");
    return readReport(await readReportFile(folder, `vitest ended with status ${status}`), status ?? 1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readReportFile(folder: string, instead: string): Promise<string> {
  return readFile(join(folder, REPORT), "utf8").catch((cause: unknown) => {
    throw new ToolError(`no report: ${instead}`, { cause });
  });
}

/**
 * The tests that run inside a virtual machine with the kernel `kernel`. A skip there is a failure. The debug kernel is
 * built meanwhile where there is none: of the others each is fetched in seconds.
 */
export function vmTier(kernel: KernelLine, files: readonly string[]): Tier {
  const name = `vm ${kernel}`;
  const tier = { name, run: () => runVitestInVm({ name, project: "vm", kernel, root: "host" }, files) };
  if (kernel !== "debug" || files.length === 0) return tier;
  const prepare = async () => {
    await kernelImage(kernel, progressOf(name));
  };
  return { ...tier, prepare };
}

/**
 * The tests that run inside a virtual machine with a whole Debian 13, on the Debian packages that are made here before. A
 * skip there is a failure.
 */
export function debianTier(files: readonly string[]): Tier {
  const where = { name: "debian", project: "debian", kernel: DEFAULT_KERNEL, root: "debian-13" } as const;
  return {
    name: where.name,
    prepare: async () => {
      if (files.length > 0) await debian13(progressOf(where.name));
    },
    run: async () => {
      await deb(join(CHECKOUT, "dist", "deb"), progressOf(where.name));
      return runVitestInVm(where, files);
    },
  };
}

interface Where {
  readonly name: string;
  readonly project: string;
  readonly kernel: KernelLine;
  readonly root: Root;
}

async function runVitestInVm(where: Where, files: readonly string[]): Promise<TierResult> {
  const { name, project, kernel, root } = where;
  if (files.length === 0) return { passed: 0, failures: [], skipped: [] };
  const outDir = await mkdtemp(join(tmpdir(), "devlift-test-"));
  try {
    const report = `--outputFile.json=$DEVLIFT_VM_OUT/${REPORT}`;
    const command = ["sh", "-c", `exec vitest "$@" "${report}"`, "vitest", ...vitestArguments(project, files)];
    const limits = { timeLimit: VM_TIME_LIMIT, progress: progressOf(name) };
    const result = await runInVm({ command, kernel, root, outDir, ...limits });
    const complaint = describeEnding(result);
    if (complaint !== undefined) process.stdout.write(`${complaint}\n`);
    const boot = result.bootSeconds?.toFixed(1);
    process.stdout.write(`(booted in ${boot ?? "no"} s, ${result.accel})\n`);
    if (result.outcome !== "exited") return failed(`${name}: ${complaint?.split("\n")[0]}`);
    const text = await readReportFile(outDir, `vitest ended with status ${result.status} in the virtual machine`);
    const { passed, failures, skipped } = readReport(text, result.status);
    const kernelFault = result.consoleTail === undefined ? [] : [`${name}: ${complaint?.split("\n")[0]}`];
    return {
      passed,
      failures: [...failures, ...skipped.map((test) => `skipped: ${test}`), ...kernelFault],
      skipped: [],
    };
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}
