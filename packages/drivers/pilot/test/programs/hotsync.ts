// A HotSync program that stays: it does one HotSync a line of its input, as packages/testing's command line does one a
// run. A line in is a JSON array, ["backup", "DIR"]; a line out is {"done": ...} or {"failed": "why"}.

import { createInterface } from "node:readline";
import { HotSyncClient, openSerialPort } from "@devlift/testing";
import { COMMANDS } from "@devlift/testing/hotsync";

const [path = ""] = process.argv.slice(2);
const RETRY_MS = 100;
/** A failure bound, far above what a slow machine takes to wake up. */
const WAKE_UP_MS = 60_000;

async function sync([name = "", ...operands]: readonly string[]): Promise<unknown> {
  const stream = await openSerialPort(path, { retryMs: RETRY_MS });
  try {
    const client = await HotSyncClient.connect(stream, { timeoutMs: WAKE_UP_MS });
    const outcome = await COMMANDS[name]?.run(client, operands);
    await client.endOfSync();
    return outcome?.json ?? null;
  } finally {
    await stream.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = await sync(JSON.parse(line)).then(
    (done) => ({ done }),
    (error: unknown) => ({ failed: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
