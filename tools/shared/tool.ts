// The frame of each tool's main file: the arguments in, the exit status out, and what it could not do in one message.

import { ToolError } from "./errors.ts";

/** The exit status of a tool that could not do its work at all. */
const FAILED = 125;

/** Runs `main` with the command line's arguments; `name` begins what is said when it throws a ToolError. */
export async function runTool(name: string, main: (args: readonly string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = FAILED;
  }
}
