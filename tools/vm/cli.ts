// The command `npm run vm`: its options, and how a run's ending is told.

import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { progressOf } from "../shared/progress.ts";
import { DEFAULT_KERNEL, isKernelLine, KERNEL_LINES } from "./kernel.ts";
import {
  ACCELERATORS,
  type Accelerator,
  DEFAULT_MEMORY,
  DEFAULT_TIME_LIMIT,
  ROOTS,
  runInVm,
  type VmResult,
} from "./vm.ts";

/** The exit status where the command ended well and the kernel did not think so. */
const KERNEL_COMPLAINED = 123;

const HELP = `Usage: npm run vm -- [OPTION]... [--] COMMAND...

Boots a stock Debian kernel in QEMU with this machine's files as its root, and runs COMMAND there as root, in this
checkout. What it writes goes to memory and is gone afterwards, except for what it writes to $DEVLIFT_VM_OUT.
Several words are an argument vector; a single word is run by sh -c. The exit status is COMMAND's (128 + n when
signal n killed it), ${KERNEL_COMPLAINED} when that would be 0 but the kernel complained, 124 when the time limit struck, 125 when the
machine itself failed.

  --kernel ${KERNEL_LINES.join("|")}    the kernel (${DEFAULT_KERNEL})
  --root ${ROOTS.join("|")}    this machine's files, or a whole Debian 13 with systemd, udev and its own Node (host)
  --timeout SECONDS     the time that COMMAND may take (${DEFAULT_TIME_LIMIT})
  --accel ${ACCELERATORS.join("|")}  KVM, or software emulation (auto: KVM when it works here)
  --memory MIB          the machine's memory (${DEFAULT_MEMORY})
  --out DIR             the folder that COMMAND sees as $DEVLIFT_VM_OUT
  --disk FILE           keeps what COMMAND writes to a debian-13 for the next machine with it: a reboot
  --help                this text
`;

const OPTIONS = {
  kernel: { type: "string" },
  root: { type: "string" },
  timeout: { type: "string" },
  accel: { type: "string" },
  memory: { type: "string" },
  out: { type: "string" },
  disk: { type: "string" },
  help: { type: "boolean" },
} as const;

/** Where COMMAND begins: at the first word that is neither an option nor an option's value, or after `--`. */
function splitCommand(args: readonly string[]): { head: string[]; command: string[] } {
  let index = 0;
  while (index < args.length) {
    const word = args[index] ?? "";
    if (word === "--") return { head: args.slice(0, index), command: args.slice(index + 1) };
    if (!word.startsWith("-")) break;
    const takesValue = word !== "--help" && !word.includes("=");
    index += takesValue ? 2 : 1;
  }
  return { head: args.slice(0, index), command: args.slice(index) };
}

function parse(args: readonly string[]) {
  const { head, command } = splitCommand(args);
  try {
    return { values: parseArgs({ args: head, options: OPTIONS }).values, command };
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

function positive(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new ToolError(`--${option}: ${text} is not a positive number`);
  return value;
}

function isAccelerator(text: string): text is Accelerator {
  return ACCELERATORS.some((accelerator) => accelerator === text);
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const { values, command } = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { kernel = DEFAULT_KERNEL, root: rootName = "host", accel = "auto" } = values;
  if (command.length === 0) throw new ToolError(`no COMMAND\n\n${HELP}`);
  if (!isKernelLine(kernel)) throw new ToolError(`--kernel: ${kernel} is none of ${KERNEL_LINES.join(", ")}`);
  if (!isAccelerator(accel)) throw new ToolError(`--accel: ${accel} is none of ${ACCELERATORS.join(", ")}`);
  const root = ROOTS.find((one) => one === rootName);
  if (root === undefined) throw new ToolError(`--root: ${rootName} is none of ${ROOTS.join(", ")}`);
  const aborter = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => aborter.abort());
  const result = await runInVm({
    command,
    kernel,
    root,
    accel,
    timeLimit: positive("timeout", values.timeout, DEFAULT_TIME_LIMIT),
    memoryMib: positive("memory", values.memory, DEFAULT_MEMORY),
    progress: progressOf("vm"),
    signal: aborter.signal,
    ...(values.out !== undefined && { outDir: values.out }),
    ...(values.disk !== undefined && { disk: resolve(values.disk) }),
  });
  if (values.out === undefined) await rm(result.outDir, { recursive: true, force: true });
  const complaint = describeEnding(result);
  if (complaint !== undefined) process.stderr.write(`vm: ${complaint}\n`);
  return exitStatus(result);
}

/** The status of the process that ran the command. */
export function exitStatus({ status, consoleTail }: Pick<VmResult, "status" | "consoleTail">): number {
  return status === 0 && consoleTail !== undefined ? KERNEL_COMPLAINED : status;
}

const ENDINGS = {
  exited: "the kernel complained while the command ran",
  timeout: "the time limit struck",
  aborted: "stopped",
  notBooted: "the machine did not boot",
  died: "the machine ended before the command did",
} as const;

/** What is to be said about a run besides its status; undefined when all went well. */
export function describeEnding(result: VmResult): string | undefined {
  if (result.consoleTail === undefined) return result.outcome === "exited" ? undefined : ENDINGS[result.outcome];
  const console = result.consoleTail.replaceAll(/^/gm, "  | ");
  return `${ENDINGS[result.outcome]}; of its console:\n${console}`;
}
