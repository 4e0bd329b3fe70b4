// A virtual handheld in a serial cradle: one HotSync on a tty, or on stdin and stdout.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileName } from "../hotsync/commands.ts";
import { openSerialPort, pipeStream } from "../hotsync/serial-port.ts";
import { dlpErrorName, dlpFuncName } from "../hotsync-protocol/dlp.ts";
import { toImage } from "./database.ts";
import { Handheld } from "./handheld.ts";
import { OS_PROFILES, type OsProfile } from "./profiles.ts";

const HELP = `Usage: tsx main.ts [options]

A virtual Palm OS handheld whose HotSync button was just pressed.

Options:
  --port PORT        the line to the desktop; - for stdin and stdout (default)
  --protocol NAME    slp (serial and older USB) or net (newer USB); default slp
  --os NAME          ${Object.keys(OS_PROFILES).join(", ")}; default palmOs4
  --load FILE        a PDB or PRC that the handheld has; may be repeated
  --save DIR         after the sync, write the databases in RAM into DIR
  --verbose          print each command to stderr
  --help             print this

Exit status: 0 the desktop ended the sync normally, 1 it did not, 2 wrong arguments.
`;

const PROFILES: Readonly<Record<string, OsProfile>> = OS_PROFILES;

function usage(message: string): number {
  process.stderr.write(`handheld: ${message}\n\n${HELP}`);
  return 2;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "-" },
      protocol: { type: "string", default: "slp" },
      os: { type: "string", default: "palmOs4" },
      load: { type: "string", multiple: true, default: [] },
      save: { type: "string" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const family = values.protocol;
  const profile = PROFILES[values.os];
  if (family !== "slp" && family !== "net") return usage(`there is no protocol ${family}`);
  if (!profile) return usage(`there is no Palm OS ${values.os}`);

  const handheld = new Handheld({ profile });
  for (const file of values.load) handheld.load(await readFile(file));
  const stream = values.port === "-" ? pipeStream(process.stdin, process.stdout) : await openSerialPort(values.port);
  const { endStatus } = await handheld.sync(stream, {
    family,
    loopbacks: 10,
    ...(values.verbose ? { onCommand: trace } : {}),
  });
  if (values.save !== undefined) {
    for (const database of handheld.state.ram)
      await writeFile(join(values.save, fileName(database)), toImage(database));
  }
  if (handheld.state.log) process.stderr.write(`handheld: log: ${handheld.state.log.trim()}\n`);
  process.stderr.write(`handheld: the desktop ended the sync with status ${endStatus}\n`);
  return endStatus === 0 ? 0 : 1;
}

function trace(request: Uint8Array, response: Uint8Array): void {
  const [func = 0] = request;
  const error = ((response[2] ?? 0) << 8) | (response[3] ?? 0);
  const shown = Buffer.from(request.subarray(0, 24)).toString("hex");
  process.stderr.write(`handheld: ${dlpFuncName(func)} ${shown} -> ${dlpErrorName(error)}, ${response.length} bytes\n`);
}

function report(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  // parseArgs throws TypeErrors with such codes for what a person typed.
  if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
    return usage(message);
  }
  process.stderr.write(`handheld: ${message}\n`);
  return 1;
}

process.exitCode = await main().catch(report);
