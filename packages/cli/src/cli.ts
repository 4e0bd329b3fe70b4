// The command devlift: a command line in, an exit status out.

import { parseArgs } from "node:util";
import { parsed, UsageError } from "@devlift/core";
import {
  ControlError,
  checkedStatus,
  type DriverDescription,
  STATUS_OPTIONS,
  showStatus,
  type Whom,
} from "@devlift/daemon";
import manifest from "../package.json" with { type: "json" };
import { catalogue, driverNamed } from "./catalogue.ts";
import { examine } from "./doctor/doctor.ts";
import { journal, journalArguments } from "./live/logs.ts";
import { top } from "./live/top.ts";
import { trace } from "./live/trace.ts";
import type { Machine } from "./machine.ts";
import { type Output, printFindings, printList } from "./output.ts";
import { openersOn } from "./processes.ts";
import { answers } from "./replace/answers.ts";
import { ChangeError, plan, replace, restore } from "./replace/replace.ts";
import type { System } from "./replace/system.ts";
import { stateOf } from "./state.ts";

const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

export const HELP = `devlift: device files served by daemons instead of drivers of the kernel

Usage: devlift list [options]              every driver that is installed: who drives now, its hardware, its clients
       devlift doctor [DRIVER] [options]   what this machine has and lacks, and the command that mends each thing
       devlift replace DRIVER [options]    keeps the kernel's module out, and starts the daemon's service in its place
       devlift restore DRIVER [options]    puts back what was there before: the kernel's driver has it again
       devlift status [DRIVER] [options]   how each running daemon is: clients, hardware, what waits
       devlift top [DRIVER] [options]      what each device does, anew each second: calls, latency, waits
       devlift trace DRIVER [options]      each call of programs on a running daemon's device files, as it comes
       devlift logs [DRIVER] [options]     the journal of the driver's service

  --dry-run           replace says what it would do, and does nothing
  --json              one JSON value instead of text; of status, top and trace one a line
  --watch             status again each second
  --metrics           status as the text that Prometheus reads
  --count N           top ends after so many seconds
  --follow            logs goes on with what comes
  --control PATH      the socket of one daemon, for status, top and trace, instead of looking for all
  --drivers FOLDER    where the drivers are, instead of beside this command and in /usr/share/devlift
  --version           prints the version
  --help              prints this

Examples:
  devlift list
  devlift doctor pilot
  devlift replace pilot --dry-run
  devlift status --watch
  devlift top oss
  sudo devlift trace pilot
  sudo devlift status --metrics > /var/lib/prometheus/node-exporter/devlift.prom
  devlift doctor --json | jq -r '.[] | select(.severity == "problem") | .mend'

list and doctor change nothing; without root they see only your own processes as clients. replace and restore need root,
and can be run again after one that ended in the middle; what was there before is in /var/lib/devlift. status, top and
trace ask the daemons of their own user, and as root every daemon. Exit status: 0 when all is well, 1 when doctor has found a
problem, no daemon could be asked or something could not be done, 2 for a wrong command line.
`;

/** What a command works on. */
export interface Surroundings {
  readonly output: Output;
  readonly machine: Machine;
  readonly system: System;
  /** Resolves when no other devlift changes this machine until we end. @throws ChangeError when one does now */
  lock(): Promise<void>;
}

interface Request extends Surroundings {
  readonly drivers: readonly DriverDescription[];
  /** The word after the command. */
  readonly name: string | undefined;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** Of the commands that ask running daemons. */
  readonly live: {
    readonly watch: boolean;
    readonly metrics: boolean;
    readonly follow: boolean;
    readonly count: number;
    readonly control: string | undefined;
  };
}

const COMMANDS: Readonly<Record<string, (request: Request) => number | Promise<number>>> = {
  list,
  doctor,
  replace: replaceDriver,
  restore: restoreDriver,
  status: (request) => asking(request, (whom) => showStatus({ ...request.live, ...whom, json: request.json })),
  top: (request) => asking(request, (whom) => top({ ...whom, json: request.json, count: request.live.count })),
  trace(request) {
    const { name, live, json } = request;
    if (name === undefined && live.control === undefined) throw new UsageError("whose calls? name a driver");
    return asking(request, (whom) => trace(whom, json));
  },
  logs: ({ machine, name: driver, json, live: { follow } }) =>
    journal(journalArguments(machine, { driver, follow, json })),
};

/** Runs the command line `args`. @returns the exit status */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await run(args, surroundings);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`devlift: ${error.message}\nTry 'devlift --help'.\n`);
      return EXIT.USAGE;
    }
    if (!(error instanceof ChangeError || error instanceof ControlError)) throw error;
    process.stderr.write(`devlift: ${error.message}\n`);
    return EXIT.FAILED;
  }
}

async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help || values.version) {
    surroundings.output.write(values.help ? HELP : `devlift ${manifest.version}\n`);
    return EXIT.OK;
  }
  const [word, name, surplus] = positionals;
  const known = Object.keys(COMMANDS).join(", ");
  if (word === undefined) throw new UsageError(`what is to be done? ${known}`);
  const command = COMMANDS[word];
  if (command === undefined) throw new UsageError(`there is no command "${word}": ${known}`);
  if (surplus !== undefined) throw new UsageError(`${surplus} is one word too many`);
  const { json, "dry-run": dryRun, follow } = values;
  const live = { ...checkedStatus(values), follow, count: parseCount(values.count) };
  return await command({
    ...surroundings,
    // Those that ask a daemon need none.
    get drivers() {
      return catalogue(values.drivers);
    },
    name,
    json,
    dryRun,
    live,
  });
}

function parse(args: readonly string[]) {
  return parsed(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...STATUS_OPTIONS,
        count: { type: "string" },
        follow: { type: "boolean", short: "f", default: false },
        "dry-run": { type: "boolean", default: false },
        drivers: { type: "string" },
        version: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }),
  );
}

/** @returns rounds @throws UsageError */
function parseCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--count ${text}: a whole number from 1`);
  return Number(text);
}

/** Asks running daemons, of one driver or of all. */
async function asking({ name, live: { control } }: Request, ask: (whom: Whom) => Promise<void>): Promise<number> {
  await ask({ control, command: name === undefined ? undefined : `devlift-${name}` });
  return EXIT.OK;
}

function list({ drivers, name, machine, output, json }: Request): number {
  if (name !== undefined) throw new UsageError(`${name} is one word too many`);
  const openers = openersOn(machine);
  const states = drivers.map((driver) => stateOf(machine, driver, openers));
  if (json) printJson(output, states);
  else printList(output, states);
  return EXIT.OK;
}

function doctor({ drivers, name, machine, output, json }: Request): number {
  const findings = examine(machine, name === undefined ? drivers : [driverNamed(drivers, name)]);
  if (json) printJson(output, findings);
  else printFindings(output, findings);
  return findings.some(({ severity }) => severity === "problem") ? EXIT.FAILED : EXIT.OK;
}

async function replaceDriver(request: Request): Promise<number> {
  const driver = theDriver(request);
  const { machine, output, json, dryRun } = request;
  if (!dryRun) {
    await change(request, (say) =>
      replace({
        ...request,
        driver,
        say,
        answers: async () => isWithoutNode(machine, driver) || answers(machine, driver.nodes[0] ?? ""),
      }),
    );
    return EXIT.OK;
  }
  const lines = plan(request.system, driver);
  if (json) printJson(output, lines);
  else for (const line of lines) output.write(`would ${line}\n`);
  return EXIT.OK;
}

/** Its device file comes with hardware, of which there is none. */
function isWithoutNode(machine: Machine, driver: DriverDescription): boolean {
  return driver.comesWithHardware === true && stateOf(machine, driver, openersOn(machine)).hardware?.length === 0;
}

async function restoreDriver(request: Request): Promise<number> {
  const driver = theDriver(request);
  if (request.dryRun) throw new UsageError("--dry-run is for replace: restore undoes what its journal says");
  await change(request, async (say) => restore({ ...request, driver, say }));
  return EXIT.OK;
}

/** Does what only root may, alone; its steps are lines as they come, or a JSON array at the end. */
async function change(request: Request, act: (say: (line: string) => void) => Promise<void>): Promise<void> {
  const { machine, output, json } = request;
  if (machine.asker.uid !== 0) throw new ChangeError("this needs root: try it with sudo");
  await request.lock();
  const lines: string[] = [];
  try {
    await act((line) => (json ? lines.push(line) : output.write(`${line}\n`)));
  } finally {
    if (json) printJson(output, lines);
  }
}

/** @throws UsageError that names those that there are */
function theDriver({ drivers, name }: Request): DriverDescription {
  if (name === undefined) throw new UsageError(`which driver? ${drivers.map((driver) => driver.name).join(", ")}`);
  return driverNamed(drivers, name);
}

function printJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
