// A daemon's command: a command line in, an exit status out.
// Lifetime: the process.

import { type Logger, oneOf, UsageError } from "@devlift/core";
import { type StatusChoice, showStatus } from "./control/status.ts";
import { ControlError } from "./errors.ts";
import { createLog, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./logging.ts";

const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/** What every daemon is asked for. */
export interface LogChoice {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Options that every daemon has, for parseArgs(). */
export const COMMAND_OPTIONS = {
  "log-level": { type: "string", default: "info" },
  "log-format": { type: "string", default: "text" },
  version: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @throws UsageError that says what is wrong with the values of --log-level and --log-format */
export function parseLogChoice(values: { readonly "log-level": string; readonly "log-format": string }): LogChoice {
  return {
    logLevel: oneOf("--log-level", values["log-level"], LOG_LEVELS),
    logFormat: oneOf("--log-format", values["log-format"], LOG_FORMATS),
  };
}

/** What a command line asks for. */
export type Command<Options> =
  | { readonly run: Options }
  | { readonly print: "help" | "version" }
  | { readonly status: StatusChoice };

export interface DaemonParts {
  readonly log: Logger;
  readonly version: string;
}

export interface DaemonProgram<Options extends LogChoice> {
  /** As a person types it, e.g. "devlift-pilot". */
  readonly name: string;
  readonly version: string;
  /** What --help prints. */
  readonly help: string;
  /** @throws UsageError that says what is wrong with the command line */
  parse(args: readonly string[]): Command<Options>;
  /** Serves until a signal, and gives everything back. @throws what ended it instead */
  run(options: Options, parts: DaemonParts): Promise<void>;
}

/** Runs the command and ends the process, unless there is nothing but text to print. */
export async function runCommand<Options extends LogChoice>(
  program: DaemonProgram<Options>,
  args: readonly string[],
): Promise<void> {
  const { name, version, help } = program;
  // Who read our words is gone, or the disk is full: what is served matters more than what is said about it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  let command: Command<Options>;
  try {
    command = program.parse(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${name}: ${error.message}\nTry '${name} --help'.\n`);
    process.exitCode = EXIT.USAGE;
    return;
  }
  if ("print" in command) {
    process.stdout.write(command.print === "help" ? help : `${name} ${version}\n`);
    return;
  }
  if ("status" in command) {
    try {
      await showStatus(name, command.status);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      process.stderr.write(`${name}: ${error.message}\n`);
      process.exitCode = EXIT.FAILED;
    }
    return;
  }
  const { run: options } = command;
  const log = createLog({ level: options.logLevel, format: options.logFormat });
  process.on("uncaughtException", (error) => {
    log.error({ stack: error.stack }, `this is a bug, the daemon ends: ${error.message}`);
    process.exit(EXIT.FAILED);
  });
  let status: number = EXIT.OK;
  try {
    await program.run(options, { log, version });
  } catch (error) {
    log.error(causeOf(error), error instanceof Error ? error.message : String(error));
    status = EXIT.FAILED;
  }
  // Hardware and timers would keep the process; everything that had to be given back has been.
  process.exit(status);
}

/** For the log: what lies under an error, and where it is a bug, the place. */
function causeOf(error: unknown): object {
  if (!(error instanceof Error)) return {};
  const { cause } = error;
  const stack = error.name === "Error" || error.name === "InternalError" ? { stack: error.stack } : {};
  return cause instanceof Error && cause.message !== error.message ? { cause: cause.message, ...stack } : stack;
}
