// What a checking program says, where each line that it prints is a finding.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** Runs a program in the folder `cwd`. @returns what it printed, without empty lines; its failure is a line too */
export async function findingsOf(program: string, args: readonly string[], cwd: string): Promise<string[]> {
  // One pipe for both of its outputs, so that their lines stay in order.
  const child = spawn("sh", ["-c", 'exec "$@" 2>&1', "sh", program, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const lines = (await text(child.stdout)).split("\n").filter((line) => line.trim() !== "");
  const [status] = await closed;
  return status === 0 || lines.length > 0 ? lines : [`${program} ended with status ${status}`];
}
