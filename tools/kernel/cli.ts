// The command `npm run kernel:build`: its options, and what it prints.

import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { progressOf } from "../shared/progress.ts";
import { DEFAULT_KERNEL, isKernelLine, KERNEL_LINES, type KernelLine, STOCK_LINES } from "../vm/kernel.ts";
import { buildFusd } from "./build.ts";
import { checkBuild } from "./check.ts";
import { checkpatch } from "./checkpatch.ts";
import { haveSources, SOURCES } from "./sources.ts";

const HELP = `Usage: npm run kernel:build -- [OPTION]...

Builds kernel/fusd for a kernel that the virtual machine boots (npm run vm), against the headers of exactly that kernel,
and its selftests for 64 and 32 bit. Prints the path of fusd.ko. What is built is kept outside the tree and built again
only when sources have changed. In the virtual machine \`modprobe fusd\` finds it.

  --check            builds nothing to keep, but checks: compiler warnings (W=1) and sparse on each kernel, checkpatch
                     --strict; every finding is shown, and makes the exit status 1
  --kernel ${KERNEL_LINES.join("|")}  the kernel (${DEFAULT_KERNEL}; to check: both stock ones)
  --help             this text
`;

const OPTIONS = { kernel: { type: "string" }, check: { type: "boolean" }, help: { type: "boolean" } } as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

function kernelOf(text: string | undefined): KernelLine | undefined {
  if (text === undefined) return undefined;
  if (!isKernelLine(text)) throw new ToolError(`--kernel: ${text} is none of ${KERNEL_LINES.join(", ")}`);
  return text;
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const values = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!haveSources()) throw new ToolError(`${SOURCES} has no sources of a module`);
  const kernel = kernelOf(values.kernel);
  if (values.check) return check(kernel === undefined ? STOCK_LINES : [kernel]);
  const { module } = await buildFusd(kernel ?? DEFAULT_KERNEL, { progress: progressOf("kernel") });
  process.stdout.write(`${module}\n`);
  return 0;
}

async function check(kernels: readonly KernelLine[]): Promise<number> {
  const progress = progressOf("kernel");
  const results: [string, string[]][] = [];
  for (const kernel of kernels)
    results.push([`W=1 and sparse, Linux ${kernel}`, await checkBuild(kernel, { progress })]);
  results.push(["checkpatch --strict", await checkpatch(progress)]);
  for (const [name, findings] of results) {
    process.stdout.write(`${name}: ${findings.length === 0 ? "nothing found" : ""}\n`);
    for (const finding of findings) process.stdout.write(`  ${finding}\n`);
  }
  return results.every(([, findings]) => findings.length === 0) ? 0 : 1;
}
