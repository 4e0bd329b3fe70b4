// A child process that never outlives this one, however this one ends: it holds a pipe from us, and when that closes
// it gets SIGTERM. Lifetime: from spawnChild() to "close".

import { type ChildProcess, spawn } from "node:child_process";

/**
 * Preloaded into the child. The pipe closes with this process, also by kill -9; then nobody reads what the child says
 * about its end either, and that must not disturb it.
 */
const TETHER = `
  process.stderr.on("error", () => {});
  process.stdin.on("close", () => process.kill(process.pid, "SIGTERM")).resume().unref();
`;

export interface Child {
  readonly process: ChildProcess;
  /** Its exit status or the name of the signal that ended it, once all its output has been read. */
  readonly ended: Promise<number | string>;
}

export interface ChildOptions {
  /** For Node, before the file. */
  readonly execArgs?: readonly string[];
  readonly onStdout?: (text: string) => void;
  readonly onStderr: (text: string) => void;
}

/** Runs Node with the words of `command`. */
export function spawnChild(command: readonly string[], { execArgs = [], onStdout, onStderr }: ChildOptions): Child {
  const child = spawn(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(TETHER)}`, ...execArgs, ...command],
    // A session of its own: Ctrl-C on the terminal is for us alone, and we end our children in order.
    { stdio: ["pipe", onStdout === undefined ? "ignore" : "pipe", "pipe"], detached: true },
  );
  child.stdout?.setEncoding("utf8").on("data", onStdout ?? (() => undefined));
  child.stderr?.setEncoding("utf8").on("data", onStderr);
  const ended = new Promise<number | string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  return { process: child, ended };
}

/** E.g. "with status 1", "by SIGKILL". */
export function howEnded(ended: number | string): string {
  return typeof ended === "number" ? `with status ${ended}` : `by ${ended}`;
}
