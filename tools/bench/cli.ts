// The command `npm run bench`: its options, what is measured on this machine or in the virtual one, and where the rows
// go.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, constants, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { installPrerequisites } from "../shared/prerequisites.ts";
import { progressOf } from "../shared/progress.ts";
import { quote } from "../vm/command.ts";
import { runInVm } from "../vm/vm.ts";
import { missed, nameOf, type Row } from "./arithmetic.ts";
import { BUILT, BUNDLED_TOOL, buildAll } from "./built.ts";
import { endAll, type Place } from "./contestants.ts";
import { writeDocs } from "./docs.ts";
import { type ChannelName, type Figure, figuresOf, TWO_CPUS } from "./figures.ts";
import { measureFootprint } from "./footprint.ts";
import { fuseNative } from "./fuse-native.ts";
import { measureKernelCalls } from "./kernel-calls.ts";
import { Field, measure, PACES, type Pace } from "./measure.ts";
import { BENCH_PREREQUISITES } from "./prerequisites.ts";
import { textTable } from "./table.ts";

const HELP = `Usage: npm run bench -- [OPTION]...

Measures our servers and others' in turns, on /dev/fuse as root, and prints a table: microseconds of a call (p50 and
p99), MB/s for 128 KiB, and ours divided by the other's, where less is better and the last column is what is promised.

  --vm               on /dev/cuse in the virtual machine instead
  --channel cuse     on this machine's own /dev/cuse instead
  --channel fusd     on /dev/fusd beside /dev/cuse, in the virtual machine
  --only PATTERN     only figures whose name matches this regular expression, e.g. "dense read 1 same"
  --quick            fewer and shorter rounds
  --json FILE        also writes the rows as JSON
  --check            exit status 1, and the rows by name, when a promise is not kept
  --docs             also writes the rows into docs/performance.{md,json,svg}
  --help             this text
`;

const OPTIONS = {
  vm: { type: "boolean" },
  channel: { type: "string" },
  only: { type: "string" },
  quick: { type: "boolean" },
  json: { type: "string" },
  check: { type: "boolean" },
  docs: { type: "boolean" },
  /** For the tool inside the virtual machine: what it needs is there, at its pace. */
  emulated: { type: "boolean" },
  help: { type: "boolean" },
} as const;

export interface CommandLine {
  readonly vm: boolean;
  readonly channel: ChannelName;
  readonly only: RegExp | undefined;
  readonly quick: boolean;
  readonly json: string | undefined;
  readonly check: boolean;
  readonly docs: boolean;
  readonly emulated: boolean;
  readonly help: boolean;
}

/** @throws ToolError with the usage when `args` are not to be understood */
export function parseCommandLine(args: readonly string[]): CommandLine {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    const { only, quick = false, json, check = false, docs = false, emulated = false, help = false } = values;
    const { channel = values.vm === true ? "cuse" : "fuse" } = values;
    if (channel !== "fuse" && channel !== "cuse" && channel !== "fusd")
      throw new ToolError(`--channel: ${channel} is neither fuse nor cuse nor fusd`);
    // The module is for the virtual machine's kernel.
    const vm = values.vm ?? (channel === "fusd" && !emulated);
    if (vm && channel === "fuse") throw new ToolError("--vm is for the channels cuse and fusd");
    const pattern = only === undefined ? undefined : new RegExp(only);
    return { vm, channel, only: pattern, quick, json, check, docs, emulated, help };
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

const progress = progressOf("bench");

/** A figure's name, which --only is matched with. */
function figureName(figure: Figure, channel: ChannelName): string {
  return `${channel} ${figure.figure} ${figure.op} ${figure.size} ${figure.placement}`;
}

function paceOf({ quick, emulated }: CommandLine): Pace {
  if (emulated) return quick ? { ...PACES.emulated, rounds: 3 } : PACES.emulated;
  return quick ? PACES.quick : PACES.thorough;
}

/** Everything on this machine. */
async function measureHere(commandLine: CommandLine): Promise<Row[]> {
  const { channel, only } = commandLine;
  if (process.getuid?.() !== 0) throw new ToolError("only root can mount and pin as this benchmark does");
  if (!existsSync(`/dev/${channel}`)) throw new ToolError(`there is no /dev/${channel} on this machine`);
  const wanted = (name: string) => only === undefined || only.test(name);
  const oneCpu = availableParallelism() < 2;
  if (oneCpu) progress("one CPU only: what takes two is left out");
  const figures = figuresOf(channel).filter(
    (figure) => wanted(figureName(figure, channel)) && !(oneCpu && figure.placement === TWO_CPUS),
  );
  const native = figures.some(({ peers }) => peers.includes("fuse-native"));
  const folder = await mkdtemp(join(tmpdir(), "devlift-bench-"));
  const place: Place = { channel, folder, fuseNative: native ? await fuseNative(BUILT, progress) : undefined };
  const pace = paceOf(commandLine);
  const rows: Row[] = [];
  // Servers and their mounts would outlive us.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void endAll().finally(() => process.exit(128 + constants.signals[signal])));
  try {
    const field = new Field(place);
    for (const [index, figure] of figures.entries()) {
      progress(`${index + 1}/${figures.length} ${figureName(figure, channel)} (load ${loadavg()[0]?.toFixed(1)})`);
      const peers = figure.peers.filter((peer) => peer !== "fuse-native" || place.fuseNative !== undefined);
      rows.push(...(await measure({ ...figure, peers }, field, pace)));
    }
    await endAll();
    if (channel === "fusd" && !oneCpu) {
      progress("calls into the kernel");
      rows.push(...(await measureKernelCalls(place, wanted)));
      await endAll();
    }
    progress("memory and start");
    rows.push(...(await measureFootprint(place, Math.min(pace.rounds, 9), wanted)));
  } finally {
    await endAll();
    await rm(folder, { recursive: true, force: true });
  }
  return rows;
}

/** What the machine needs for a channel. */
const SETUP = {
  cuse: "modprobe cuse",
  fusd: "modprobe -a cuse fusd && mount -t tracefs tracefs /sys/kernel/tracing",
} as const;

async function measureInVm({ channel, only, quick }: CommandLine): Promise<Row[]> {
  const options = ["--channel", channel, "--emulated", ...(quick ? ["--quick"] : [])];
  if (only !== undefined) options.push("--only", only.source);
  const command = [process.execPath, BUNDLED_TOOL, ...options].map(quote).join(" ");
  const { status, outDir } = await runInVm({
    command: [`${channel === "fusd" ? SETUP.fusd : SETUP.cuse} && exec ${command} --json "$DEVLIFT_VM_OUT/rows.json"`],
    timeLimit: 1800,
    stdout: process.stderr,
    progress,
  });
  if (status !== 0) throw new ToolError(`the benchmark in the virtual machine ended with status ${status}`);
  const rows: Row[] = JSON.parse(await readFile(join(outDir, "rows.json"), "utf8"));
  await rm(outDir, { recursive: true, force: true });
  return rows;
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const commandLine = parseCommandLine(args);
  if (commandLine.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!commandLine.emulated) {
    await installPrerequisites(BENCH_PREREQUISITES, progress);
    await buildAll();
  }
  const rows = await (commandLine.vm ? measureInVm(commandLine) : measureHere(commandLine));
  if (rows.length === 0) throw new ToolError("no figure's name matches --only");
  process.stdout.write(`${textTable(rows)}\n`);
  if (commandLine.json !== undefined) await writeFile(commandLine.json, `${JSON.stringify(rows, null, 2)}\n`);
  if (commandLine.docs) await writeDocs(rows);
  return commandLine.check ? check(rows) : 0;
}

/** Says which promises are not kept. @returns the exit status */
export function check(rows: readonly Row[]): number {
  const late = missed(rows);
  const promised = rows.filter(({ target }) => target !== null).length;
  for (const row of late) progress(`MISSED: ${nameOf(row)}: ${row.ratio}, at most ${row.target}`);
  progress(`${promised - late.length} of ${promised} targets reached`);
  return late.length === 0 ? 0 : 1;
}
