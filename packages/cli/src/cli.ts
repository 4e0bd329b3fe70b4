// The command devlift: a command line in, an exit status out.

import { parseArgs } from "node:util";
import { parsed, UsageError } from "@devlift/core";
import manifest from "../package.json" with { type: "json" };
import { catalogue, driverNamed } from "./catalogue.ts";
import { examine } from "./doctor/doctor.ts";
import type { Machine } from "./machine.ts";
import { type Output, printFindings, printList } from "./output.ts";
import { stateOf } from "./state.ts";

const EXIT = { OK: 0, PROBLEMS: 1, USAGE: 2 } as const;

export const HELP = `devlift: device files served by daemons instead of drivers of the kernel

Usage: devlift list [options]              every driver that is installed: who drives now, its hardware, its clients
       devlift doctor [DRIVER] [options]   what this machine has and lacks, and the command that mends each thing

  --json              one JSON value instead of text
  --drivers FOLDER    where the drivers are, instead of beside this command and in /usr/share/devlift
  --version           prints the version
  --help              prints this

Examples:
  devlift list
  devlift doctor pilot
  devlift doctor --json | jq -r '.[] | select(.severity == "problem") | .mend'

Nothing is changed. Without root only your own processes are seen as clients. Exit status: 0 when all is well, 1 when
doctor has found a problem, 2 for a wrong command line.
`;

/** Runs the command line `args`. @returns the exit status */
export function main(args: readonly string[], output: Output, machine: Machine): number {
  try {
    return run(args, output, machine);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`devlift: ${error.message}\nTry 'devlift --help'.\n`);
    return EXIT.USAGE;
  }
}

function run(args: readonly string[], output: Output, machine: Machine): number {
  const { values, positionals } = parse(args);
  if (values.help) {
    output.write(HELP);
    return EXIT.OK;
  }
  if (values.version) {
    output.write(`devlift ${manifest.version}\n`);
    return EXIT.OK;
  }
  const [command, name, ...more] = positionals;
  if (command === undefined) throw new UsageError("what is to be done? list or doctor");
  const mostWords = command === "doctor" ? 2 : 1;
  if (positionals.length > mostWords) throw new UsageError(`${more[0] ?? name} is one word too many`);
  switch (command) {
    case "list": {
      const states = catalogue(values.drivers).map((driver) => stateOf(machine, driver));
      if (values.json) output.write(`${JSON.stringify(states, undefined, 2)}\n`);
      else printList(output, states);
      return EXIT.OK;
    }
    case "doctor": {
      const drivers = catalogue(values.drivers);
      const findings = examine(machine, name === undefined ? drivers : [driverNamed(drivers, name)]);
      if (values.json) output.write(`${JSON.stringify(findings, undefined, 2)}\n`);
      else printFindings(output, findings);
      return findings.some(({ severity }) => severity === "problem") ? EXIT.PROBLEMS : EXIT.OK;
    }
    default:
      throw new UsageError(`there is no command "${command}": list or doctor`);
  }
}

function parse(args: readonly string[]) {
  return parsed(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        drivers: { type: "string" },
        version: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }),
  );
}
