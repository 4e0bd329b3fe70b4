// The commands `npm run pack`, `npm run deb` and `npm run sea`: their options, and what they print.

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ToolError } from "../shared/errors.ts";
import { type Progress, progressOf } from "../shared/progress.ts";
import { CHECKOUT } from "../vm/vm.ts";
import { deb } from "./deb.ts";
import { pack } from "./pack.ts";
import { sea } from "./sea.ts";

interface Kind {
  readonly what: string;
  /** @returns the files that it has made */
  make(out: string, progress: Progress): Promise<string[]>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  pack: {
    what: `Makes the npm packages: a tarball for each driver, and for each library that drivers are written with. A driver's
has one bundled daemon and its native addons for this machine's processor, and depends on nothing:
  npm install -g ./dist/pack/devlift-pilot-*.tgz
publint and arethetypeswrong look at each; what they find is an error.`,
    make: pack,
  },
  deb: {
    what: `Makes the Debian packages for this machine's processor: one for each driver (daemon, service, udev rule, module
settings, manual page, completion), devlift, and the kernel module for DKMS:
  sudo apt install ./dist/deb/devlift-pilot_*.deb
They need Debian 13 or later, for its Node.`,
    make: deb,
  },
  sea: {
    what: `Makes a single executable of each driver, for machines of this processor without Node: a copy of the Node that runs
this, with the daemon and its addons in it. Beside each are the licenses of what is in it.`,
    make: sea,
  },
};

function helpOf(kind: string, what: string): string {
  return `Usage: npm run ${kind} -- [OPTION]...

${what}
Prints the path of each file.

  --out FOLDER       where they go (default dist/${kind})
  --help             this text
`;
}

function parse(args: readonly string[], help: string) {
  try {
    return parseArgs({ args: [...args], options: { out: { type: "string" }, help: { type: "boolean" } } }).values;
  } catch (cause) {
    throw new ToolError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${help}`, { cause });
  }
}

/** Runs the command line `args`, which begins with the kind. @returns the exit status of the process */
export async function main([kind = "", ...args]: readonly string[]): Promise<number> {
  const chosen = KINDS[kind];
  if (chosen === undefined) throw new ToolError(`${kind} is none of ${Object.keys(KINDS).join(", ")}`);
  const help = helpOf(kind, chosen.what);
  const { out, help: asked } = parse(args, help);
  if (asked) {
    process.stdout.write(help);
    return 0;
  }
  const folder = resolve(process.env["INIT_CWD"] ?? CHECKOUT, out ?? join(CHECKOUT, "dist", kind));
  for (const file of await chosen.make(folder, progressOf(kind))) process.stdout.write(`${file}\n`);
  return 0;
}
