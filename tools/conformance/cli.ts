// The command `npm run conformance`: its options, and where a channel's run takes place.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { progressOf } from "../shared/progress.ts";
import { run } from "../shared/run.ts";
import { describeEnding } from "../vm/cli.ts";
import { DEFAULT_KERNEL, isKernelLine, KERNEL_LINES, type KernelLine, STOCK_LINES } from "../vm/kernel.ts";
import { runInVm } from "../vm/vm.ts";
import { BITS, type Bits, buildClient, INSIDE } from "./build.ts";
import { writeDocs } from "./docs.ts";
import { CHANNELS, type ChannelName, isKernelNamed, listCases, type Result, runSuite } from "./suite.ts";
import { tapHeader, tapPlan, tapPoint } from "./tap.ts";

const HELP = `Usage: npm run conformance -- --channel ${CHANNELS.join("|")} [OPTION]...

Runs every case of the conformance suite on one channel, and prints TAP 14. Exit status 1 when a case failed. A channel
that this machine lacks (cuse: /dev/cuse, fusd: /dev/fusd) is run in a virtual machine.

  --channel NAME      ${CHANNELS.join(", ")}
  --bits ${BITS.join("|")}   one kind of caller; may be given several times. Default: all that the kernel has
  --only PATTERN      the cases whose name matches this regular expression
  --kernel ${KERNEL_LINES.join("|")}   the virtual machine's kernel (${DEFAULT_KERNEL})
  --vm                in a virtual machine, also when it is not needed
  --jobs N            cases at the same time (8)
  --limit SECONDS     the time that a case may take before it is stuck (240)
  --slow              at the end the cases that took longest
  --list              the names of the cases, and what each needs
  --json FILE         writes the results there, too
  --docs              runs every channel and writes docs/conformance.md
  --from FILE         with --docs: a run that --json wrote, instead of new ones; may be given several times
  --help              this text
`;

const OPTIONS = {
  channel: { type: "string" },
  bits: { type: "string", multiple: true },
  only: { type: "string" },
  kernel: { type: "string" },
  vm: { type: "boolean" },
  slow: { type: "boolean" },
  jobs: { type: "string" },
  limit: { type: "string" },
  list: { type: "boolean" },
  docs: { type: "boolean" },
  json: { type: "string" },
  from: { type: "string", multiple: true },
  help: { type: "boolean" },
} as const;

/** Seconds for all cases of a channel in the machine. */
const VM_LIMIT = 1500;

interface CommandLine {
  readonly channel: ChannelName;
  readonly bits: readonly Bits[] | undefined;
  readonly only: RegExp | undefined;
  readonly kernel: KernelLine;
  readonly vm: boolean;
  readonly jobs: number | undefined;
  readonly limit: number | undefined;
}

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new ToolError(`--${option}: ${text} is not a positive number`);
  return value;
}

function commandLine(values: Values, channel: string | undefined): CommandLine {
  const { bits, only, kernel = DEFAULT_KERNEL } = values;
  const name = CHANNELS.find((one) => one === channel);
  if (name === undefined) throw new ToolError(`--channel: one of ${CHANNELS.join(", ")}\n\n${HELP}`);
  if (!isKernelLine(kernel)) throw new ToolError(`--kernel: ${kernel} is none of ${KERNEL_LINES.join(", ")}`);
  const callers = bits?.map((text) => {
    const found = BITS.find((one) => one === text);
    if (found === undefined) throw new ToolError(`--bits: ${text} is none of ${BITS.join(", ")}`);
    return found;
  });
  return {
    channel: name,
    bits: callers,
    only: only === undefined ? undefined : new RegExp(only),
    kernel,
    vm: values.vm ?? false,
    jobs: positive("jobs", values.jobs),
    limit: positive("limit", values.limit),
  };
}

/** A run of one channel, and what it ran on. */
export interface ChannelRun {
  readonly channel: ChannelName;
  /** E.g. "6.12.117+deb12-amd64". */
  readonly kernel: string;
  readonly results: readonly Result[];
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const values = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.list) {
    const only = values.only === undefined ? undefined : new RegExp(values.only);
    for (const { name, needs } of await listCases("64", only)) process.stdout.write(`${[name, ...needs].join(" ")}\n`);
    return 0;
  }
  if (values.docs) return document(values);
  const line = commandLine(values, values.channel);
  const { results, kernel } = await runChannel(line);
  if (values.json !== undefined)
    await writeFile(values.json, JSON.stringify({ channel: line.channel, kernel, results }));
  if (values.slow) process.stdout.write(slowest(results));
  return failures(results) > 0 ? 1 : 0;
}

function slowest(results: readonly Result[]): string {
  const sorted = [...results].sort((one, other) => other.ms - one.ms).slice(0, 40);
  return sorted.map(({ ms, bits, name }) => `# ${ms} ms: ${bits}/${name}\n`).join("");
}

function failures(results: readonly Result[]): number {
  return results.filter((result) => result.outcome === "failed").length;
}

async function document(values: Values): Promise<number> {
  const runs: ChannelRun[] = [];
  for (const file of values.from ?? []) runs.push(await readRun(file));
  if (runs.length > 0) {
    await writeDocs(runs);
    return 0;
  }
  for (const channel of ["memory", "fuse"]) runs.push(await runChannel(commandLine(values, channel)));
  for (const channel of ["cuse", "fusd"])
    for (const kernel of STOCK_LINES) runs.push(await runChannel({ ...commandLine(values, channel), kernel }));
  await writeDocs(runs);
  return runs.some((one) => failures(one.results) > 0) ? 1 : 0;
}

async function runChannel(line: CommandLine): Promise<ChannelRun> {
  const inside = process.env[INSIDE] !== undefined;
  const control = isKernelNamed(line.channel) ? line.channel : undefined;
  if (inside && control !== undefined) await run("modprobe", ["-a", control, "snd-dummy"]);
  if (!inside && (line.vm || (control !== undefined && !existsSync(`/dev/${control}`)))) return runInMachine(line);
  process.stdout.write(tapHeader());
  let number = 0;
  const { channel, only, jobs, limit } = line;
  const results = await runSuite({
    channel,
    bits: line.bits ?? (await callersHere(channel)),
    ...(only === undefined ? {} : { only }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(limit === undefined ? {} : { limit }),
    onResult: (result) => process.stdout.write(tapPoint(++number, result)),
  });
  process.stdout.write(tapPlan(results));
  return { channel, kernel: (await run("uname", ["-r"])).trim(), results };
}

/** A stock kernel of Debian's takes x32 calls only when its command line says syscall.x32=y. */
export async function callersHere(channel: ChannelName): Promise<readonly Bits[]> {
  if (channel === "memory") return BITS;
  const hasX32 = await run(await buildClient("x32"), ["--probe"]).then(
    () => true,
    () => false,
  );
  return hasX32 ? BITS : BITS.filter((bits) => bits !== "x32");
}

/** A run as --json wrote it. */
async function readRun(file: string): Promise<ChannelRun> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new ToolError(`there are no results of a run in ${file}: the suite did not come to its end`, { cause });
  });
  const { channel, kernel, results }: ChannelRun = JSON.parse(text);
  return { channel, kernel, results };
}

async function runInMachine(line: CommandLine): Promise<ChannelRun> {
  // Made here: a compiler under emulation takes minutes.
  await Promise.all(BITS.map(buildClient));
  const outDir = await mkdtemp(join(tmpdir(), "devlift-conformance-vm-"));
  const args = [`--channel=${line.channel}`, ...(line.bits ?? []).map((bits) => `--bits=${bits}`)];
  if (line.only !== undefined) args.push(`--only=${line.only.source}`);
  if (line.jobs !== undefined) args.push(`--jobs=${line.jobs}`);
  if (line.limit !== undefined) args.push(`--limit=${line.limit}`);
  const script = 'exec node --import tsx tools/conformance/main.ts --json="$DEVLIFT_VM_OUT/results.json" "$@"';
  const stdout = new PassThrough();
  stdout.pipe(process.stdout, { end: false });
  try {
    const result = await runInVm({
      command: ["sh", "-c", script, "conformance", ...args],
      kernel: line.kernel,
      env: { [INSIDE]: "1" },
      timeLimit: VM_LIMIT,
      outDir,
      stdout,
      progress: progressOf("conformance"),
    });
    const complaint = describeEnding(result);
    if (complaint !== undefined) throw new ToolError(complaint);
    return await readRun(join(outDir, "results.json"));
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}
