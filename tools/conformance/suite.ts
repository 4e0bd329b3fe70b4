// One run of the suite on one channel: a daemon with the reference device, then a client for each kind of caller. The
// daemon lives for all of them, so a case that harms it shows in those after it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ToolError } from "../shared/errors.ts";
import { run } from "../shared/run.ts";
import { type Bits, buildClient } from "./build.ts";
import { declared, type Unsupported } from "./unsupported.ts";

export const CHANNELS = ["memory", "fuse", "cuse", "fusd"] as const;
export type ChannelName = (typeof CHANNELS)[number];

export interface Case {
  readonly name: string;
  readonly needs: readonly string[];
}

export interface Result extends Case {
  readonly bits: Bits;
  /** `unsupported`: declared so, and true. */
  readonly outcome: "passed" | "failed" | "unsupported";
  /** What the client said of a failure, or the declared reason. */
  readonly text: string;
  /** Milliseconds that it took, others beside it; 0 when it was not run. */
  readonly ms: number;
}

export interface SuiteOptions {
  readonly channel: ChannelName;
  readonly bits: readonly Bits[];
  /** Cases whose name it matches. */
  readonly only?: RegExp;
  /** Cases that run at the same time. */
  readonly jobs?: number;
  /** Seconds that a case may take: a bound for what is stuck. */
  readonly limit?: number;
  readonly onResult?: (result: Result) => void;
}

const DEFAULT_JOBS = 8;
/** Some take half a minute under emulation, with others beside them. */
const DEFAULT_LIMIT = 240;
const DAEMON = join(import.meta.dirname, "device/main.ts");
/** Milliseconds. */
const DAEMON_LIMIT = 120_000;

/** The cases of a client. */
export async function listCases(bits: Bits, only?: RegExp): Promise<Case[]> {
  const lines = (await run(await buildClient(bits), ["--list"])).trim().split("\n");
  const cases = lines.map((line) => {
    const [name = "", ...needs] = line.split(" ");
    return { name, needs };
  });
  const names = cases.map((one) => one.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ToolError(`two cases are named ${twice}`);
  const odd = names.find((name) => !/^[a-z0-9-]+(\/[a-z0-9-]+)+$/.test(name));
  if (odd !== undefined) throw new ToolError(`a case has the name ${odd}, not THEME/WHAT-IT-SAYS`);
  return only === undefined ? cases : cases.filter((one) => only.test(one.name));
}

/** Runs the cases. @throws ToolError when the daemon does not come up, or when there are no cases */
export async function runSuite(options: SuiteOptions): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "devlift-conformance-"));
  try {
    // Other users have to get as far as the nodes.
    chmodSync(folder, 0o755);
    const where = placeOf(options.channel, folder);
    const callers: { bits: Bits; cases: readonly Case[] }[] = [];
    for (const bits of options.bits) callers.push({ bits, cases: await listCases(bits, options.only) });
    if (callers.every(({ cases }) => cases.length === 0)) throw new ToolError("no case has such a name");
    const daemon = await startDaemon(options.channel, where);
    try {
      const results: Result[] = [];
      for (const { bits, cases } of callers) results.push(...(await runClient(bits, cases, { ...options, where })));
      await daemon.stop();
      return results;
    } finally {
      daemon.kill();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The kernel makes the nodes, each under its own name in /dev. */
export function isKernelNamed(channel: ChannelName): channel is "cuse" | "fusd" {
  return channel === "cuse" || channel === "fusd";
}

function placeOf(channel: ChannelName, folder: string): string {
  if (isKernelNamed(channel)) return "/dev/conformance";
  return join(folder, channel === "memory" ? "socket" : "dev");
}

interface Daemon {
  /** @throws ToolError when it does not end as it should */
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

async function startDaemon(channel: ChannelName, where: string): Promise<Daemon> {
  const place = channel === "memory" ? ["--socket", where] : ["--dir", where];
  const args = ["--import", import.meta.resolve("tsx"), DAEMON, "--channel", channel, ...place];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit").then(([code, signal]) => String(code ?? signal));
  const limit = setTimeout(() => child.kill("SIGKILL"), DAEMON_LIMIT);
  const lines = createInterface({ input: child.stdout });
  const ready = await Promise.race([once(lines, "line").then(() => true), exited.then(() => false)]);
  clearTimeout(limit);
  if (!ready) throw new ToolError(`the reference device did not come up (${await exited})`);
  return {
    kill: () => child.kill("SIGKILL"),
    stop: async () => {
      const stuck = setTimeout(() => child.kill("SIGKILL"), DAEMON_LIMIT);
      child.stdin.end();
      const status = await exited;
      clearTimeout(stuck);
      if (status !== "0") throw new ToolError(`the daemon of the reference device ended with ${status}`);
    },
  };
}

async function runClient(
  bits: Bits,
  cases: readonly Case[],
  options: SuiteOptions & { readonly where: string },
): Promise<Result[]> {
  const { channel, where, jobs = DEFAULT_JOBS, limit = DEFAULT_LIMIT, onResult = () => undefined } = options;
  const place = { channel, bits, kernel: release() };
  const results: Result[] = [];
  const add = (result: Result) => {
    results.push(result);
    onResult(result);
  };
  const waiting = new Map<string, { one: Case; entry: Unsupported | undefined }>();
  for (const one of cases) {
    const entry = declared(one, place);
    if (entry?.need === undefined) waiting.set(one.name, { one, entry });
    else add({ ...one, bits, outcome: "unsupported", text: entry.reason, ms: 0 });
  }
  for await (const { name, status, text, ms } of clientResults(await buildClient(bits), {
    args: [channel, where, String(jobs), String(limit)],
    names: [...waiting.keys()],
  })) {
    const found = waiting.get(name);
    if (found === undefined) throw new ToolError(`the client told of ${name}, which it was not asked for`);
    waiting.delete(name);
    add({ ...found.one, bits, ms, ...judge(status, text, found.entry) });
  }
  for (const { one } of waiting.values())
    add({ ...one, bits, outcome: "failed", text: "the client ended without a word about it", ms: 0 });
  return results;
}

/** What becomes of a case: `entry` declares it as unsupported. */
export function judge(status: string, text: string, entry: Unsupported | undefined): Pick<Result, "outcome" | "text"> {
  if (entry !== undefined) {
    if (status !== "ok") return { outcome: "unsupported", text: entry.reason };
    return { outcome: "failed", text: `passed, though it is declared as unsupported: ${entry.reason}` };
  }
  if (status === "ok") return { outcome: "passed", text: "" };
  return { outcome: "failed", text: status === "skip" ? `skipped, and not declared: ${text}` : text };
}

interface Told {
  readonly name: string;
  readonly status: "ok" | "not ok" | "skip";
  readonly text: string;
  readonly ms: number;
}

/** What the client tells, case by case: harness.c has the form of its lines. */
async function* clientResults(
  program: string,
  { args, names }: { args: readonly string[]; names: readonly string[] },
): AsyncGenerator<Told> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(names.map((name) => `${name}\n`).join(""));
  let last: Told | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("# ")) {
      if (last !== undefined) last = { ...last, text: `${last.text}${line.slice(2)}\n` };
      continue;
    }
    if (last !== undefined) yield last;
    const [, status, name = "", text = ""] = /^(ok|not ok|skip) (\S+) ?(.*)$/.exec(line) ?? [];
    if (status !== "ok" && status !== "not ok" && status !== "skip") throw new ToolError(`the client said: ${line}`);
    last = status === "skip" ? { name, status, text, ms: 0 } : { name, status, text: "", ms: Number(text) };
  }
  if (last !== undefined) yield last;
}
