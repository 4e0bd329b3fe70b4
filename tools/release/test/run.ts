// Programs that are installed, run with an environment in which nothing of this checkout is.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { ToolError } from "../../shared/errors.ts";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param env all of the environment */
export function call(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Ended {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, cwd: "/", encoding: "utf8" });
  return { status, stdout, stderr: error === undefined ? stderr : String(error) };
}

/** Of a driver with a log of its own, and of core's runDaemon(). */
const READY = / ready: |^info: serving /;

export interface Served {
  /** SIGTERM. @returns the exit status, or the signal that ended it */
  stop(): Promise<unknown>;
}

/** Starts a daemon and waits until it serves. @throws ToolError with its log when it ends before */
export async function serve(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Served> {
  const child = spawn(program, args, { env, cwd: "/", stdio: ["ignore", "inherit", "pipe"] });
  const exited = once(child, "close");
  onTestFinished(() => void child.kill("SIGTERM"));
  const log: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr })
      .on("line", (line) => {
        log.push(line);
        if (READY.test(line)) resolve();
      })
      .on("close", () => reject(new ToolError(`${program} ended:\n${log.join("\n")}`)));
    child.on("error", reject);
  });
  return {
    async stop() {
      child.kill("SIGTERM");
      const [status, signal] = await exited;
      return signal ?? status;
    },
  };
}
