// Runs a helper program quietly: its output is kept and only shown, inside a ToolError, when it fails.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ToolError } from "./errors.ts";

const execFileAsync = promisify(execFile);

/** The longest output of a helper program that is kept, in bytes. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs `program` with `args`, without a shell.
 * @returns its standard output
 * @throws ToolError with the command and what it printed, when it does not start or ends with a status other than 0
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    const { stdout } = await execFileAsync(program, args, { ...options, maxBuffer: OUTPUT_LIMIT });
    return stdout;
  } catch (cause) {
    throw new ToolError(`${[program, ...args].join(" ")} failed:\n${describeFailure(cause)}`, { cause });
  }
}

function describeFailure(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const output = ["stdout", "stderr"].map((key) => String(Reflect.get(cause, key) ?? "")).join("");
  return output.trim() === "" ? cause.message : output.trimEnd();
}
