// A daemon's command: a command line in, an exit status out.
// Lifetime: the process.

import { type Logger, oneOf, UsageError } from "@devlift/core";
import type { About } from "./control/report.ts";
import { ControlServer } from "./control/server.ts";
import { parseControl, parseStatus, showStatus } from "./control/status.ts";
import { ControlError } from "./errors.ts";
import { exitWhenIdle, IDLE_OPTIONS, parseIdle } from "./idle.ts";
import { createLog, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./logging.ts";

const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/** What every daemon is asked for. */
export interface DaemonChoice {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Path of the socket at which it is asked how it is; undefined: the usual place. */
  readonly control: string | undefined;
  /** Seconds without a client after which it ends; undefined: never. */
  readonly idleExit: number | undefined;
}

/** Options that every daemon has, for parseArgs(). */
export const COMMAND_OPTIONS = {
  "log-level": { type: "string", default: "info" },
  "log-format": { type: "string", default: "text" },
  control: { type: "string" },
  ...IDLE_OPTIONS,
  version: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Lines of --help for them. */
export const COMMAND_HELP = `\
  --control PATH        the socket where status, devlift and curl ask (default: one of the daemon's own, in /run/devlift,
                        or of a user's daemon in $XDG_RUNTIME_DIR/devlift)
  --idle-exit SECONDS   ends when for so long no program has had it open and no hardware was there (default: it stays)
  --log-level LEVEL     debug, info (default), warn or error
  --log-format FORMAT   text (default; for the journal with priorities instead of times) or json
  --version             prints the version
  --help                prints this`;

interface CommandWords {
  readonly "log-level": string;
  readonly "log-format": string;
  readonly control?: string;
  readonly "idle-exit"?: string;
}

/** @throws UsageError that says what is wrong with the values of COMMAND_OPTIONS */
export function parseDaemonChoice(values: CommandWords): DaemonChoice {
  return {
    control: parseControl(values),
    idleExit: parseIdle(values),
    logLevel: oneOf("--log-level", values["log-level"], LOG_LEVELS),
    logFormat: oneOf("--log-format", values["log-format"], LOG_FORMATS),
  };
}

/** What a command line asks for. */
export type Command<Options> = { readonly run: Options } | { readonly print: "help" | "version" };

export interface DaemonParts {
  readonly log: Logger;
  readonly version: string;
  /** What is said of it besides its device files and their clients, from now on, to who asks. Default: nothing */
  readonly describe: (about: About) => void;
}

export interface DaemonProgram<Options extends DaemonChoice> {
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
export async function runCommand<Options extends DaemonChoice>(
  program: DaemonProgram<Options>,
  args: readonly string[],
): Promise<void> {
  const { name, version, help } = program;
  // Who read our words is gone, or the disk is full: what is served matters more than what is said about it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  let command: Command<Options>;
  try {
    if (args[0] === "status") return await status(program, args.slice(1));
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
  const { run: options } = command;
  const log = createLog({ level: options.logLevel, format: options.logFormat });
  process.on("uncaughtException", (error) => {
    log.error({ stack: error.stack }, `this is a bug, the daemon ends: ${error.message}`);
    process.exit(EXIT.FAILED);
  });
  let exit: number = EXIT.OK;
  try {
    await runAsked(program, options, log);
  } catch (error) {
    log.error(causeOf(error), error instanceof Error ? error.message : String(error));
    exit = EXIT.FAILED;
  }
  // Hardware and timers would keep the process; everything that had to be given back has been.
  process.exit(exit);
}

/** Runs it, and answers who asks how it is. @throws what run() throws; ControlError when --control cannot be had */
async function runAsked<Options extends DaemonChoice>(program: DaemonProgram<Options>, options: Options, log: Logger) {
  const { name, version } = program;
  const control = await ControlServer.start({ name, version, path: options.control, log });
  let about: About = {};
  const describe = (now: About) => {
    about = now;
    if (control !== undefined) control.about = now;
  };
  const endIdle = exitWhenIdle(options.idleExit, () => (about.hardware?.() ?? []).length > 0, log);
  try {
    await program.run(options, { log, version, describe });
  } finally {
    endIdle();
    control?.close();
  }
}

/** The word `status`: of daemons that run. @throws UsageError */
async function status({ name, help }: { readonly name: string; readonly help: string }, args: readonly string[]) {
  const choice = parseStatus(args, name);
  if (choice === undefined) {
    process.stdout.write(help);
    return;
  }
  try {
    await showStatus(choice);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = EXIT.FAILED;
  }
}

/** For the log: what lies under an error, and where it is a bug, the place. */
function causeOf(error: unknown): object {
  if (!(error instanceof Error)) return {};
  const { cause } = error;
  const stack = error.name === "Error" || error.name === "InternalError" ? { stack: error.stack } : {};
  return cause instanceof Error && cause.message !== error.message ? { cause: cause.message, ...stack } : stack;
}
