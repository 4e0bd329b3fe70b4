// The command `npm run fuzz`: its options, its progress on standard error, its one line of result, and what it leaves of
// a failure.

import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../../packages/core/src/errors.ts";
import { ToolError } from "../shared/errors.ts";
import { progressOf } from "../shared/progress.ts";
import { campaign, type FailedSession, type Outcome, replay, type Totals } from "./campaign.ts";
import { minimise } from "./minimise.ts";
import { CHANNELS, type ChannelName, realTarget } from "./rig.ts";
import { stepsFromText, stepsToText } from "./steps.ts";

const HELP = `Usage: npm run fuzz -- [OPTION]...

Feeds mutated messages to sessions of a driver that does everything, and keeps the books: every request answered exactly
once, nothing thrown, nothing left behind, no growth. The exit status is 0 when nothing is wrong, else 1.

  --messages N    messages in all (default 10000000, or no limit with --seconds)
  --seed S        a number; the same seed does the same (default: another one each time)
  --seconds S     stop after this time
  --replay FILE   perform the steps of a file that a failure has left; --channel cuse|fuse says on what (default cuse)
  --help          this text
`;

const MESSAGES = 10_000_000;
const MINIMISE_SECONDS = 120;

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(args);
  const print = (text: string) => process.stdout.write(`${text}\n`);
  if (values.help) {
    print(HELP.trimEnd());
    return 0;
  }
  // Errors are thrown by the million; their stacks would take most of the time.
  Error.stackTraceLimit = 4;
  if (values.replay !== undefined) return replayFile(values.replay, channelOf(values.channel ?? "cuse"), print);
  const seconds = number("--seconds", values.seconds);
  const messages = number("--messages", values.messages) ?? (seconds === undefined ? MESSAGES : undefined);
  const seed = number("--seed", values.seed) ?? Math.floor(Math.random() * 2 ** 31);
  const progress = progressOf("fuzz");
  progress(`seed ${seed}`);
  const outcome = await campaign({
    make: realTarget,
    seed,
    ...(messages === undefined ? {} : { messages }),
    ...(seconds === undefined ? {} : { seconds }),
    progress: everyTwoSeconds(progress),
  });
  print(summaryOf(outcome, seed));
  if (outcome.failed === undefined) return 0;
  await explain(outcome.failed, print);
  return 1;
}

/** "10000000 messages ... : nothing wrong". */
export function summaryOf(outcome: Outcome, seed: number): string {
  const { messages, requests, answers, wakeUps, sessions, seconds, growth, failed } = outcome;
  const rate = Math.round(messages / seconds);
  const grown = growth === undefined ? "" : `, heap ${growth < 0 ? "" : "+"}${Math.round(growth / 1024)} KiB`;
  const counts = `${requests} requests, ${answers} answers, ${wakeUps} wake-ups, ${sessions} sessions`;
  const verdict = failed === undefined ? "nothing wrong" : `FAILED: ${failed.failure.kind}`;
  return `${messages} messages (${counts}) in ${seconds.toFixed(1)} s, ${rate}/s, seed ${seed}${grown}: ${verdict}`;
}

async function explain({ failure, channel, seed, steps }: FailedSession, print: (text: string) => void): Promise<void> {
  print(`${failure.kind}\n${failure.detail}\nin the session of seed ${seed} on ${channel}`);
  if (steps.length === 0) return;
  const fails = async (some: typeof steps) => (await replay(realTarget, channel, some))?.kind === failure.kind;
  const shortest = await minimise(steps, fails, MINIMISE_SECONDS);
  const file = join(tmpdir(), `devlift-fuzz-${seed}.steps`);
  await writeFile(file, stepsToText(shortest));
  print(`${shortest.length} of ${steps.length} steps are left of it, in ${file}. To see it again:`);
  print(`npm run fuzz -- --channel ${channel} --replay ${file}`);
  if (shortest.length <= 20) print(stepsToText(shortest).trimEnd());
}

async function replayFile(file: string, channel: ChannelName, print: (text: string) => void): Promise<number> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new ToolError(`${file} cannot be read`, { cause });
  });
  try {
    const failure = await replay(realTarget, channel, stepsFromText(text));
    print(failure === undefined ? "nothing wrong" : `FAILED: ${failure.kind}\n${failure.detail}`);
    return failure === undefined ? 0 : 1;
  } catch (error) {
    if (error instanceof UsageError) throw new ToolError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

function everyTwoSeconds(progress: (text: string) => void): (totals: Totals) => void {
  let last = performance.now();
  return ({ messages }) => {
    if (performance.now() - last < 2000) return;
    last = performance.now();
    progress(`${messages} messages`);
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    messages: text,
    seed: text,
    seconds: text,
    replay: text,
    channel: text,
    help: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

function number(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new ToolError(`${option}: ${text} is no whole number`);
  return Number(text);
}

function channelOf(text: string): ChannelName {
  const channel = CHANNELS.find((name) => name === text);
  if (channel === undefined) throw new ToolError(`--channel: ${text} is none of ${CHANNELS.join(", ")}`);
  return channel;
}
