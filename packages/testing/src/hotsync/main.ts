// A HotSync from the command line.

import { parseArgs } from "node:util";
import { ProtocolError } from "../hotsync-protocol/errors.ts";
import { HotSyncClient } from "./client.ts";
import { COMMANDS } from "./commands.ts";
import { openSerialPort } from "./serial-port.ts";

const HELP = `Usage: tsx main.ts --port PORT [options] COMMAND

Does one HotSync with a Palm OS handheld. Press its HotSync button when the program waits.

Commands:
  list              databases in the handheld's RAM
  info              user, Palm OS version, memory
  overview          both, and how much is in each database
  backup DIR        each database into a file in DIR
  install FILE...   PDB and PRC files onto the handheld

Options:
  --port PORT       the port, e.g. /dev/pilot
  --timeout SECONDS how long to wait for the handheld (default 60)
  --max-baud BAUD   the fastest line speed to agree to (default 115200)
  --json            print one JSON object
  --help            print this

Exit status: 0 done, 1 failed, 2 wrong arguments.
`;

const EXIT = { DONE: 0, FAILED: 1, USAGE: 2 } as const;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: "string" },
      timeout: { type: "string", default: "60" },
      "max-baud": { type: "string", default: "115200" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return EXIT.DONE;
  }
  const [name = "", ...operands] = positionals;
  const command = COMMANDS[name];
  const [timeout, maxBaud] = [Number(values.timeout), Number(values["max-baud"])];
  if (!command) return usage(name ? `there is no command ${name}` : "which command?");
  if (operands.length < command.min || operands.length > command.max) return usage(`${name}: wrong number of operands`);
  if (!values.port) return usage("--port is missing");
  if (!(timeout > 0) || !(maxBaud > 0)) return usage("--timeout and --max-baud take a number above 0");

  const stream = await openSerialPort(values.port, {
    timeoutMs: timeout * 1000,
    onWaiting: (left) => process.stderr.write(`no handheld yet, ${Math.ceil(left / 1000)} s left\n`),
  });
  try {
    process.stderr.write("waiting for the handheld: press its HotSync button\n");
    const client = await HotSyncClient.connect(stream, { timeoutMs: timeout * 1000, maxBaud });
    const { json, lines } = await runToEnd(client, () => command.run(client, operands));
    process.stdout.write(values.json ? `${JSON.stringify(json)}\n` : lines.map((line) => `${line}\n`).join(""));
    return EXIT.DONE;
  } finally {
    await stream.close();
  }
}

/** EndOfSync's status for anything that is not the memory and not the person (DLCommon.h dlpSyncEndOther). */
const END_OTHER = 3;

/** Whatever fails on our side, the handheld is told that the sync is over. */
async function runToEnd<T>(client: HotSyncClient, run: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await run();
  } catch (error) {
    if (!(error instanceof ProtocolError)) await client.endOfSync(END_OTHER).catch(() => undefined);
    throw error;
  }
  await client.endOfSync();
  return result;
}

function usage(message: string): number {
  process.stderr.write(`hotsync: ${message}\n\n${HELP}`);
  return EXIT.USAGE;
}

function report(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  // parseArgs throws TypeErrors with such codes for what a person typed.
  if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
    return usage(message);
  }
  process.stderr.write(`hotsync: ${message}\n`);
  return EXIT.FAILED;
}

process.exitCode = await main().catch(report);
