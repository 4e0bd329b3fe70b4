// The command `npm run oss`: programs of others on the kernel's emulation, on osspd, and on ours, beside each other.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { ToolError } from "../shared/errors.ts";
import { installPrerequisites } from "../shared/prerequisites.ts";
import { progressOf } from "../shared/progress.ts";
import { run } from "../shared/run.ts";

import { describeEnding } from "../vm/cli.ts";
import { quote } from "../vm/command.ts";
import { CHECKOUT, runInVm } from "../vm/vm.ts";
import { table, writeDocs } from "./docs.ts";
import { figuresTable, missed, writeFigures } from "./figures.ts";
import type { Figure } from "./measure.ts";
import { osspd } from "./osspd.ts";
import { OSS_PREREQUISITES } from "./prerequisites.ts";
import { type Line, worse } from "./verdict.ts";

const HELP = `Usage: npm run oss -- [OPTION]...

Programs that play and record through /dev/dsp, each on the kernel's emulation over snd-aloop, on osspd, and on
devlift-oss over CUSE and over fusd, in one run of the virtual machine; a table of what was heard. The exit status is 1
when one of ours is worse than another's.

  --bench            also on osspd and on ours: how late the sound is, what GETODELAY says of it, processor time, 32
                     streams at once; --docs writes that into docs/performance.md
  --only PATTERN     only lines whose name matches this regular expression, e.g. "sox plays"
  --osspd FOLDER     where osspd's packages are unpacked (default: Debian's, fetched once)
  --json FILE        also writes the table as JSON
  --from FILE        nothing is run: the lines of such a file, which may be given several times
  --docs             also writes the table into packages/drivers/oss/README.md
  --help             this text
`;

const BUILT = join(CHECKOUT, ".cache/oss");
const BUNDLE = join(BUILT, "inside.mjs");
const PLAYER = join(BUILT, "player");
const PLAYER_SOURCE = join(CHECKOUT, "tools/oss/clients/player.c");
const DAEMON = join(CHECKOUT, "packages/drivers/oss/dist/devlift-oss.mjs");
/** Seconds. */
const LIMIT = 900;
const OURS = ["cuse", "fusd"];

interface Results {
  readonly kernel: string;
  readonly lines: readonly Line[];
  readonly figures: readonly Figure[];
}

interface Choice {
  readonly only?: string;
  readonly osspd?: string;
  readonly bench?: boolean;
}

const progress = progressOf("oss");

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const values = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const results = values.from === undefined ? await inMachine(values) : await kept(values.from);
  const { kernel, lines, figures } = results;
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
  if (lines.length > 0) process.stdout.write(`${table(lines)}\n`);
  if (figures.length > 0) process.stdout.write(`${figuresTable(figures)}\n`);
  if (values.docs && lines.length > 0) await writeDocs(kernel, lines);
  if (values.docs && figures.length > 0) await writeFigures(figures);
  const bad = [...worse(lines, OURS), ...missed(figures)];
  for (const what of bad) progress(`WORSE than it should be: ${what}`);
  return bad.length === 0 ? 0 : 1;
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        osspd: { type: "string" },
        json: { type: "string" },
        from: { type: "string", multiple: true },
        docs: { type: "boolean" },
        bench: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    return values;
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

async function kept(files: readonly string[]): Promise<Results> {
  const all: Results[] = [];
  for (const file of files) all.push(JSON.parse(await readFile(file, "utf8")));
  const [first] = all;
  return {
    kernel: first?.kernel ?? "",
    lines: all.flatMap(({ lines }) => lines),
    figures: all.flatMap(({ figures }) => figures),
  };
}

async function inMachine({ only = "", osspd: given, bench = false }: Choice): Promise<Results> {
  await installPrerequisites(OSS_PREREQUISITES, progress);
  const peer = given ?? (await osspd(progress));
  await mkdir(BUILT, { recursive: true });
  await run("gcc", ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", PLAYER, PLAYER_SOURCE]);
  // Starting TypeScript takes long under emulation.
  await build({
    entryPoints: [join(CHECKOUT, "tools/oss/inside.ts")],
    outfile: BUNDLE,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
  const outDir = await mkdtemp(join(tmpdir(), "devlift-oss-"));
  try {
    const words = [process.execPath, BUNDLE, bench ? "bench" : "", only, peer].map(quote).join(" ");
    const result = await runInVm({
      command: [`exec ${words} "$DEVLIFT_VM_OUT/results.json" ${quote(DAEMON)} ${quote(PLAYER)}`],
      timeLimit: LIMIT,
      outDir,
      stdout: process.stderr,
      progress,
    });
    const complaint = describeEnding(result);
    if (complaint !== undefined) progress(complaint);
    if (result.status !== 0) throw new ToolError(`it ended in the virtual machine with status ${result.status}`);
    return JSON.parse(await readFile(join(outDir, "results.json"), "utf8"));
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}
