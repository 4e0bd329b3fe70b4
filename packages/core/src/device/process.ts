// Who a caller is, beyond its numbers: read from /proc when a driver asks.

import { readFileSync, readlinkSync } from "node:fs";
import type { Caller } from "../session/driver.ts";

export interface Process {
  /** Of the process: Caller.pid is that of its calling thread. */
  readonly pid: number;
  /** Of the calling thread, at most 15 bytes: what prctl(PR_SET_NAME) set, by default the program's name. */
  readonly name: string;
  /** Path of the program; undefined where the daemon may not know (proc(5): it takes the right to trace the caller). */
  readonly executable: string | undefined;
  /**
   * argv, as the program may have changed it; empty when it cannot be read. Looked up when it is asked for: it is in the
   * program's memory, and where that is a file on a file system which does not answer, who asks waits.
   */
  readonly arguments: readonly string[];
}

/**
 * The process that made a call.
 * A caller can change its name and arguments, and one that has ended may have given its number to another: good for
 * logs and for telling programs apart, no ground for trusting one.
 * @returns undefined when it has ended, or lives in a pid namespace that the daemon does not see into
 */
export function processOf({ pid }: Pick<Caller, "pid">): Process | undefined {
  if (pid === 0) return undefined;
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return {
      pid: Number(/^Tgid:\s*(\d+)$/m.exec(status)?.[1] ?? pid),
      name: /^Name:\t(.*)$/m.exec(status)?.[1] ?? "",
      executable: linkOf(`/proc/${pid}/exe`),
      get arguments() {
        return argumentsOf(pid);
      },
    };
  } catch {
    return undefined;
  }
}

function argumentsOf(pid: number): readonly string[] {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return args === "" ? [] : args.replace(/\0$/, "").split("\0");
  } catch {
    return [];
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
