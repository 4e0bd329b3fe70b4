// The command `npm test`: its options, and from them the tiers that should run.

import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { isKernelLine, KERNEL_LINES, type KernelLine } from "../vm/kernel.ts";
import { runTiers, type Tier } from "./summary.ts";
import {
  bootTier,
  debianTier,
  fuseTier,
  kernelTier,
  lintTier,
  listTestFiles,
  soundTier,
  type TestFiles,
  typesTier,
  unitTier,
  vmTier,
} from "./tiers.ts";

const TIER_NAMES = ["lint", "types", "unit", "fuse", "sound", "kernel", "boot", "debian", "vm"] as const;
type TierName = (typeof TIER_NAMES)[number];
const VM_TIERS: readonly TierName[] = ["boot", "debian", "vm"];

const HELP = `Usage: npm test -- [OPTION]... [PATTERN]

Runs the tests, tier by tier: ${TIER_NAMES.join(", ")}. With a PATTERN only the test files whose path contains it.
The last line is the count; the exit status is 0 when nothing failed and every tier ran that should.

  --no-vm            without the tiers that need a virtual machine (${VM_TIERS.join(", ")})
  --tier NAME        this tier only; may be given several times
  --kernel ${KERNEL_LINES.join("|")}  the tier vm on this kernel only, with the files that say that they run on it
  --help             this text
`;

export interface CommandLine {
  readonly help: boolean;
  readonly tiers: readonly TierName[];
  readonly kernels: readonly KernelLine[];
  readonly pattern: string | undefined;
}

function isTierName(text: string): text is TierName {
  return TIER_NAMES.some((name) => name === text);
}

/** @throws ToolError with the usage when `args` are not to be understood */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  const [pattern, ...more] = positionals;
  if (more.length > 0) throw new ToolError(`one PATTERN at most, not also ${more.join(" ")}`);
  const { kernel, tier: chosen = [] } = values;
  if (kernel !== undefined && !isKernelLine(kernel))
    throw new ToolError(`--kernel: ${kernel} is none of ${KERNEL_LINES.join(", ")}`);
  const unknown = chosen.find((name) => !isTierName(name));
  if (unknown !== undefined) throw new ToolError(`--tier: ${unknown} is none of ${TIER_NAMES.join(", ")}`);
  const tiers = TIER_NAMES.filter(
    (name) =>
      (chosen.length === 0 || chosen.includes(name)) &&
      !(values["no-vm"] && VM_TIERS.includes(name)) &&
      !(kernel !== undefined && chosen.length === 0 && name !== "vm") &&
      !(pattern !== undefined && chosen.length === 0 && (name === "lint" || name === "types")),
  );
  if (tiers.length === 0) throw new ToolError("these options leave no tier to run");
  return { help: values.help ?? false, tiers, kernels: kernel === undefined ? KERNEL_LINES : [kernel], pattern };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        "no-vm": { type: "boolean" },
        tier: { type: "string", multiple: true },
        kernel: { type: "string" },
        help: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

/** Whether any of the tiers needs a virtual machine. */
export function withVm(commandLine: CommandLine): boolean {
  return commandLine.tiers.some((name) => VM_TIERS.includes(name));
}

/** Those that are one run of their test files each, in this order. */
const TIERS_OF_FILES = ["unit", "fuse", "sound", "kernel", "boot", "debian"] as const;
const TIER_OF: Readonly<Record<(typeof TIERS_OF_FILES)[number], (files: readonly string[]) => Tier>> = {
  unit: unitTier,
  fuse: fuseTier,
  sound: soundTier,
  kernel: kernelTier,
  boot: bootTier,
  debian: debianTier,
};

/** The tiers of a command line. A tier in which PATTERN finds nothing is left out as long as another has something. */
export function selectTiers(commandLine: CommandLine, files: TestFiles): Tier[] {
  const { tiers: names, kernels, pattern } = commandLine;
  const tiers: Tier[] = [];
  if (names.includes("lint")) tiers.push(lintTier());
  if (names.includes("types")) tiers.push(typesTier());
  const tests: { tier: Tier; required: boolean; files: readonly string[] }[] = [];
  for (const name of TIERS_OF_FILES) {
    if (names.includes(name)) tests.push({ tier: TIER_OF[name](files[name]), required: true, files: files[name] });
  }
  if (names.includes("vm")) {
    for (const kernel of kernels) {
      const mine = files.vm.filter((file) => file.kernels.includes(kernel)).map((file) => file.path);
      // Of the kernels that nobody asked for by name, the first has to have tests.
      tests.push({ tier: vmTier(kernel, mine), required: kernel === kernels[0], files: mine });
    }
  }
  const found = tests.filter((test) => test.files.length > 0);
  const wanted = tests.filter((test) => test.files.length > 0 || (test.required && pattern === undefined));
  if (pattern !== undefined && found.length === 0) throw new ToolError(`no test file's path contains ${pattern}`);
  return [...tiers, ...wanted.map((test) => test.tier)];
}

/** The tiers to run; when the test files cannot be listed, one that says so and fails. */
async function planTiers(commandLine: CommandLine): Promise<Tier[]> {
  try {
    return selectTiers(commandLine, await listTestFiles(commandLine.pattern));
  } catch (error) {
    return [{ name: "finding the test files", run: () => Promise.reject(error) }];
  }
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const commandLine = parseCommandLine(args);
  const print = (text: string) => process.stdout.write(`${text}\n`);
  if (commandLine.help) {
    print(HELP.trimEnd());
    return 0;
  }
  const summary = await runTiers(await planTiers(commandLine), print);
  print(summary.line);
  return summary.ok ? 0 : 1;
}
