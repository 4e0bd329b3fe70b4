// The command devlift-pilot: a command line in, an exit status out.
// Lifetime: the process.

import { type Logger, UsageError } from "@devlift/core";
import manifest from "../package.json" with { type: "json" };
import { runDaemon } from "./daemon.ts";
import { createLog } from "./logging.ts";
import { type Command, HELP, parseCommandLine } from "./options.ts";

const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/** Runs the command and ends the process, unless there is nothing but text to print. */
export async function main(args: readonly string[]): Promise<void> {
  // Who read our words is gone, or the disk is full: what is served matters more than what is said about it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  let command: Command;
  try {
    command = parseCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`devlift-pilot: ${error.message}\nTry 'devlift-pilot --help'.\n`);
    process.exitCode = EXIT.USAGE;
    return;
  }
  if ("print" in command) {
    process.stdout.write(command.print === "help" ? HELP : `devlift-pilot ${manifest.version}\n`);
    return;
  }
  const { run: options } = command;
  const log = createLog({ level: options.logLevel, format: options.logFormat });
  process.on("uncaughtException", (error) => {
    log.error({ stack: error.stack }, `this is a bug, the daemon ends: ${error.message}`);
    process.exit(EXIT.FAILED);
  });
  // libusb and timers would keep the process; everything that had to be given back has been.
  process.exit(await run(options, log));
}

async function run(options: Parameters<typeof runDaemon>[0], log: Logger): Promise<number> {
  try {
    await runDaemon(options, { log, version: manifest.version });
    return EXIT.OK;
  } catch (error) {
    log.error(causeOf(error), error instanceof Error ? error.message : String(error));
    return EXIT.FAILED;
  }
}

/** For the log: what lies under an error, and where it is a bug, the place. */
function causeOf(error: unknown): object {
  if (!(error instanceof Error)) return {};
  const { cause } = error;
  const stack = error.name === "Error" || error.name === "InternalError" ? { stack: error.stack } : {};
  return cause instanceof Error && cause.message !== error.message ? { cause: cause.message, ...stack } : stack;
}
