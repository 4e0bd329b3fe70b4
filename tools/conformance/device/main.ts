// The daemon of the conformance suite: every node of the reference device, in one process, on one channel.
//   main.ts --channel cuse|fuse|fusd --dir DIR  nodes DIR/stream, DIR/message ... (cuse, fusd: DIR is /dev/conformance)
//   main.ts --channel memory --socket PATH     a kernel in memory, for clients that speak memory/protocol.ts
// It prints "ready" when all nodes are there, and ends with its standard input.

import { existsSync, mkdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AnyDevice, type Channel, defineDevice, type Logger, serve } from "@devlift/core";
import { serveMemory } from "../memory/server.ts";
import { defineSlots } from "./slots.ts";
import { defineStream, World } from "./stream.ts";

/** Opens that the node `few` allows. */
const FEW = 8;

const { values } = parseArgs({
  options: { channel: { type: "string" }, dir: { type: "string" }, socket: { type: "string" } },
});

const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  // Cases make handlers fail on purpose, so what is wrong is to be looked at beside the case that it came with.
  warn: (fields, message) => say("warning", fields, message),
  error: (fields, message) => say("error", fields, message),
};

function say(level: string, fields: object, message: string): void {
  if (process.env["DEVLIFT_CONFORMANCE_LOG"] === undefined) return;
  const error = "err" in fields ? fields.err : undefined;
  process.stderr.write(
    `daemon: ${level}: ${message} ${JSON.stringify(fields)} ${error instanceof Error ? error.stack : ""}\n`,
  );
}

function devices(channel: string): readonly AnyDevice[] {
  const world = new World();
  const slots = [defineSlots("conformance/memory", false), defineSlots("conformance/read-only", true)];
  return [
    defineStream(world, { name: "conformance/stream" }),
    defineStream(world, { name: "conformance/message", writes: "once" }),
    defineStream(world, { name: "conformance/few", maxOpens: FEW }),
    defineStream(world, { name: "conformance/many", maxOpens: 512, maxOpensPerUser: 64 }),
    defineStream(world, { name: "conformance/owned" }),
    defineDevice({ name: "conformance/bare" }),
    ...(channel === "fusd" ? slots : []),
  ];
}

async function main(): Promise<void> {
  const { channel = "", dir = "/dev/conformance", socket = "" } = values;
  if (channel === "memory") {
    await serveMemory(socket, devices(channel), log);
  } else {
    if (channel === "fuse" && !existsSync(dir)) mkdirSync(dir, { recursive: true });
    const served: Channel[] = [];
    for (const device of devices(channel)) {
      const path = join(dir, device.name.replace("conformance/", ""));
      const permissions = device.name.endsWith("owned") ? { mode: 0o640, uid: 1, gid: 2 } : { mode: 0o666 };
      served.push(await serve(device, { channel, path, permissions, log }));
    }
    process.stdin.on("end", () => void Promise.all(served.map((one) => one.close())).then(() => process.exit(0)));
  }
  process.stdin.on("end", () => {
    if (channel === "memory") process.exit(0);
  });
  process.stdin.resume();
  // Not process.stdout.write(): whoever waits for this line is to have it at once.
  writeSync(1, "ready\n");
}

await main();
