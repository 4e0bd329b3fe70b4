// One HotSync by a program of its own, which opens the device path as any program would.
// Lifetime: a child process each.

import { fileURLToPath } from "node:url";
import type { Overview } from "@devlift/testing";
import { ToolError } from "../shared/errors.ts";
import { howEnded, spawnChild } from "./child.ts";

const PROGRAM = fileURLToPath(new URL("../../packages/testing/src/hotsync/main.ts", import.meta.url));
const LOADER = import.meta.resolve("tsx");

/** How long a person may take to press the button, and any step of the sync, in seconds. */
const PATIENCE = 600;

/**
 * Waits for the handheld at `port` and reads what it has.
 * @throws ToolError with the program's own words
 */
export async function readHandheld(port: string, signal: AbortSignal): Promise<Overview> {
  const output = { stdout: "", stderr: "" };
  const { process: child, ended } = spawnChild(
    [PROGRAM, "--port", port, "--timeout", String(PATIENCE), "--json", "overview"],
    {
      execArgs: ["--import", LOADER],
      onStdout: (text) => {
        output.stdout += text;
      },
      onStderr: (text) => {
        output.stderr += text;
      },
    },
  );
  const end = () => child.kill("SIGKILL");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const how = await ended;
  signal.removeEventListener("abort", end);
  if (how !== 0) throw new ToolError(`the HotSync failed: ${lastLine(output.stderr) ?? howEnded(how)}`);
  const overview: Overview = JSON.parse(output.stdout);
  return overview;
}

function lastLine(text: string): string | undefined {
  return (
    text
      .trimEnd()
      .split("\n")
      .at(-1)
      ?.replace(/^hotsync: /, "") || undefined
  );
}
