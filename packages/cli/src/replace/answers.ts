// Whether a device file is a daemon's, and answers.

import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "../machine.ts";
import { behind } from "../node.ts";

const LIMIT_MS = 20_000;
const PAUSE_MS = 100;
/** An open(2) of ours waits for a daemon that hangs until somebody kills it. */
const OPEN_MS = 5000;

/** ENODEV of a handheld that is not there is an answer, too: whose it is, the device file has said. */
const OPEN = `
  const { closeSync, constants, openSync } = require("node:fs");
  try { closeSync(openSync(process.argv[1], constants.O_RDWR | constants.O_NONBLOCK)); } catch {}`;

/** @returns whether it did in time */
export async function answers(machine: Machine, path: string): Promise<boolean> {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(PAUSE_MS)) {
    if (behind(machine, path).kind !== "daemon") continue;
    const { status } = spawnSync(process.execPath, ["-e", OPEN, path], { timeout: OPEN_MS, killSignal: "SIGKILL" });
    return status === 0;
  }
  return false;
}
