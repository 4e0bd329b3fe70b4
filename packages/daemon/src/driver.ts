// A driver's daemon, from the words of its command line to its end. What differs from driver to driver is what it serves;
// command line, log, signals, the service manager and the order in which all is given back do not.
// Lifetime: the process. Device files go first, in the reverse of their order, then what the driver holds.

import { parseArgs } from "node:util";
import {
  type AnyDevice,
  absolutePath,
  CHANNELS,
  type Channel,
  DeviceError,
  type Logger,
  type NodePermissions,
  oneOf,
  parsed,
  parsePermissions,
  parseWatching,
  type Recording,
  ServiceManager,
  serve,
  startWatching,
  stopSignal,
  traceWord,
  UsageError,
  WATCHING_OPTIONS,
  type Watching,
} from "@devlift/core";
import {
  COMMAND_HELP,
  COMMAND_OPTIONS,
  type Command,
  type DaemonChoice,
  type DaemonParts,
  parseDaemonChoice,
  runCommand,
} from "./command.ts";
import type { About } from "./control/report.ts";
import type { DriverDescription } from "./description.ts";

/** What a driver works with. */
export interface DriverParts extends DaemonParts {
  /**
   * Makes the device file of hardware that comes and goes, at any time; who serves it closes it when its hardware has gone.
   * The daemon closes those that are left when it ends. @throws DeviceError or UsageError when it cannot be made
   */
  readonly serve: (device: AnyDevice) => Promise<Channel>;
}

/** What a driver serves, once it has started. */
export interface Started extends About {
  /** Served as long as the daemon runs. */
  readonly devices: readonly AnyDevice[];
  /** Gives back what it holds. The device files are gone by then. Default: nothing */
  close?(): void | Promise<void>;
}

export interface DriverProgram {
  readonly description: DriverDescription;
  readonly version: string;
  /** For --help, a line each: the command line, and what it is for. Default: none */
  readonly examples?: readonly string[];
  /** Takes what is to be served. @throws what keeps it from starting */
  start(parts: DriverParts): Started | Promise<Started>;
}

interface Options extends DaemonChoice {
  /** Of CHANNELS, or "auto". */
  readonly channel: string;
  /** undefined: /dev/ and the device's name. */
  readonly path: string | undefined;
  readonly permissions: NodePermissions;
  readonly watching: Watching;
}

/** Programs are freed at once; hardware that hangs is waited for so long. */
const GIVE_BACK_MS = 40_000;

/** Runs the driver's command and ends the process, unless there is nothing but text to print. */
export function runDriver(program: DriverProgram, args: readonly string[]): Promise<void> {
  const { description, version } = program;
  const command = {
    name: description.command,
    version,
    help: helpOf(program),
    parse: (words: readonly string[]) => parse(description, words),
    run: (options: Options, parts: DaemonParts) => run(program, options, parts),
  };
  return runCommand(command, args);
}

/** @throws UsageError that says what is wrong with the command line */
function parse({ nodes }: DriverDescription, args: readonly string[]): Command<Options> {
  const { values } = parsed(() => parseArgs({ args: traceWord(args), options: OPTIONS }));
  if (values.help) return { print: "help" };
  if (values.version) return { print: "version" };
  if (values.path !== undefined && nodes.length > 1)
    throw new UsageError(`--path is for one device, and there are ${nodes.length}: ${nodes.join(", ")}`);
  return {
    run: {
      channel: oneOf("--channel", values.channel, ["auto", ...CHANNEL_NAMES]),
      path: values.path === undefined ? undefined : absolutePath("--path", values.path),
      permissions: parsePermissions(values),
      watching: parseWatching(values),
      ...parseDaemonChoice(values),
    },
  };
}

const CHANNEL_NAMES = CHANNELS.map(({ name }) => name);

const OPTIONS = {
  channel: { type: "string", default: "auto" },
  path: { type: "string" },
  mode: { type: "string" },
  owner: { type: "string" },
  group: { type: "string" },
  ...WATCHING_OPTIONS,
  ...COMMAND_OPTIONS,
} as const;

/** Serves until a signal, and gives everything back. @throws what kept it from starting, or what ended it instead */
async function run(program: DriverProgram, options: Options, parts: DaemonParts): Promise<void> {
  const { log, version } = parts;
  const stopped = stopSignal(log);
  // It would end the process while nothing is served.
  process.on("SIGUSR2", () => undefined);
  const manager = new ServiceManager(log);
  const files = new DeviceFiles();
  let recording: Recording | undefined;
  let started: Started | undefined;
  try {
    recording = startWatching(options.watching, log);
    const serveOne = async (device: AnyDevice) =>
      files.add(await serve(device, { ...serveOptions(options), log, recording }));
    const served = await program.start({ ...parts, serve: serveOne });
    started = served;
    parts.describe(served);
    const lasting: Channel[] = [];
    for (const device of served.devices) lasting.push(await serveOne(device));
    const summary = `serving ${files.paths().join(", ") || "what will be plugged in"}`;
    log.info({ version }, `ready: ${summary}`);
    manager.ready(summary);
    const ended = await Promise.race([stopped, files.failure, ...lasting.map(endOf)]);
    if (typeof ended !== "string") throw ended;
    log.info({}, `${ended}: freeing programs and removing the device files`);
  } finally {
    manager.stopping("freeing programs and removing the device files");
    const overdue = giveUpAfter(GIVE_BACK_MS, log);
    await files.close();
    await started?.close?.();
    recording?.close();
    clearTimeout(overdue);
  }
}

/** The device files that are there now, in the order in which they came. */
class DeviceFiles {
  readonly #served = new Set<Channel>();
  #fail: (error: Error) => void = () => undefined;
  /** Resolves when one of them has ended by itself. */
  readonly failure: Promise<Error> = new Promise((resolve) => {
    this.#fail = resolve;
  });

  add(channel: Channel): Channel {
    this.#served.add(channel);
    void channel.ended.then((error) => {
      this.#served.delete(channel);
      if (error !== undefined) this.#fail(error);
    });
    return channel;
  }

  paths(): string[] {
    return [...this.#served].map(({ path }) => path);
  }

  async close(): Promise<void> {
    for (const channel of [...this.#served].reverse()) await channel.close();
  }
}

function serveOptions({ channel, path, permissions }: Options) {
  return { channel, permissions, ...(path === undefined ? {} : { path }) };
}

function giveUpAfter(ms: number, log: Logger): NodeJS.Timeout {
  return setTimeout(() => {
    log.error({}, `not everything was given back within ${ms / 1000} s`);
    process.exit(1);
  }, ms);
}

async function endOf(channel: Channel): Promise<Error> {
  return (await channel.ended) ?? new DeviceError("ENODEV", `${channel.path} was taken away`);
}

function helpOf({ description, examples = [] }: DriverProgram): string {
  const { command, summary, nodes } = description;
  return `${command}: ${summary}

Usage: ${command} [options]
       ${command} status [--watch] [--json] [--metrics] [--control PATH]

  --channel CHANNEL     how ${nodes.length > 4 ? `${nodes[0]} to ${nodes.at(-1)}` : nodes.join(", ")} is made: ${CHANNEL_NAMES.join(", ")}, or
                        auto (the best that this machine has, the default)
  --path PATH           where it is, when there is one (default ${nodes[0]})
  --mode MODE           its permissions, octal (default: the kernel's, root alone)
  --owner USER          its owner, name or number
  --group GROUP         its group, name or number
  --trace[=FILE]        a line for each request, to stderr or to a file; SIGUSR2 switches it on and off
  --record FILE         writes down every message, what programs read and write included
${COMMAND_HELP}
${examples.length === 0 ? "" : `\nExamples:\n${examples.map((line) => `  ${line}\n`).join("")}`}
It logs to stderr, and ends with SIGTERM or SIGINT. Exit status: 0 after a signal, 1 when it failed, 2 for a wrong
command line.
`;
}
