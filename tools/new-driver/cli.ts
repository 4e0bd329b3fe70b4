// The command `npm run new-driver`: its options, and what it prints.

import { relative } from "node:path";
import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { CHECKOUT } from "../vm/vm.ts";
import { generate, KINDS, type Kind, plan } from "./generate.ts";

export const HELP = `Usage: npm run new-driver NAME -- --kind KIND [--dry-run]

Makes packages/drivers/NAME, a driver that builds, passes its tests and serves /dev/NAME before a line is edited. Nothing
else has to be told of it: the build, the tests, the packages and \`devlift list\` find it there.

  --kind KIND        plain   a device of its own: read, write, poll, and an ioctl described once
                     usb     hardware on USB: bulk in and out, there as long as it is plugged in
                     tty     a serial port: the wire is the driver's, termios is not
  --dry-run          only says which files there would be
  --help             this text

Examples:
  npm run new-driver counter -- --kind plain
  npm run new-driver my-scale -- --kind tty --dry-run
`;

export interface CommandLine {
  readonly name: string;
  readonly kind: Kind;
  readonly dryRun: boolean;
}

/** @returns undefined: --help was asked for @throws ToolError that says what is wrong */
export function parseCommandLine(args: readonly string[]): CommandLine | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [name, ...more] = positionals;
  if (name === undefined) throw new ToolError(`which name?\n\n${HELP}`);
  if (more.length > 0) throw new ToolError(`one NAME, not also ${more.join(" ")}`);
  const kind = KINDS.find((one) => one === values.kind);
  if (kind === undefined) throw new ToolError(`--kind ${values.kind ?? ""}: one of ${KINDS.join(", ")}`);
  return { name, kind, dryRun: values["dry-run"] };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        kind: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`, { cause });
  }
}

function next(name: string): string {
  return `
Next:
  npm test -- --no-vm drivers/${name}/       installs it into the workspace, builds it, and runs its quick tests
  npm test -- drivers/${name}/               the same, and on CUSE of a stock kernel in a virtual machine
  sudo node packages/drivers/${name}/dist/devlift-${name}.mjs     serves /dev/${name}, until Ctrl-C
  docs/writing-a-driver.md                   how it becomes yours; packages/drivers/${name}/README.md says which file is what
`;
}

/** Runs the command line `args`. @returns the exit status of the process */
export async function main(args: readonly string[], checkout: string = CHECKOUT): Promise<number> {
  const commandLine = parseCommandLine(args);
  if (commandLine === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const { name, kind, dryRun } = commandLine;
  const driver = { name, kind, checkout };
  const files = dryRun ? plan(driver).map(({ path }) => path) : generate(driver);
  for (const path of files) process.stdout.write(`${relative(checkout, path)}\n`);
  process.stdout.write(dryRun ? "Nothing was written.\n" : next(name));
  return 0;
}
