// The command `npm start`: a command line in, an exit status out.

import { ToolError } from "../shared/errors.ts";
import { CommandLineError, HELP, parseCommandLine } from "./options.ts";
import { run } from "./run.ts";
import { Screen } from "./screen.ts";

const EXIT = { DONE: 0, FAILED: 1, USAGE: 2 } as const;

/** @returns the exit status of the process */
export async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen();
  try {
    const options = parseCommandLine(args);
    if (options !== undefined) return await run(options, screen);
    screen.print(HELP.trimEnd());
    return EXIT.DONE;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    screen.warn(error.message);
    return error instanceof CommandLineError ? EXIT.USAGE : EXIT.FAILED;
  }
}
