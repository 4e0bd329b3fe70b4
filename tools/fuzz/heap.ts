// How much memory is in use after a collection. Node's gc() is asked for at run time, so that neither the command nor
// the test needs to be started with --expose-gc.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { InternalError } from "../../packages/core/src/errors.ts";

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") throw new InternalError("this Node has no gc()");
  return () => gc();
}

const collect = collector();

/** Bytes of objects and of array buffers that are still reachable. */
export function bytesInUse(): number {
  // Twice: what a first collection hands to finalizers (those of AbortSignals) is only free in a second.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/**
 * Looks for growth in the course of a run. Measured only in pauses, when nothing is in flight and no file is open: what
 * is in use then is the session's own (spare buffers, tables), the code and its caches, and does not depend on how many
 * messages there were. The first WARM_UP pauses are for compiled code and caches to settle. After that GROWTH_LIMIT is
 * twice what was seen to come and go between collections (code that is compiled anew, ICs, one of the four spare buffers
 * of 132 KiB more or less); one entry of a Map for every hundredth message of ten million is three times as much.
 */
export class HeapWatch {
  readonly #samples: number[] = [];

  /** @returns what is wrong, or undefined */
  sample(): string | undefined {
    const now = bytesInUse();
    this.#samples.push(now);
    if (this.#samples.length <= WARM_UP) return undefined;
    const base = Math.max(...this.#samples.slice(0, WARM_UP));
    if (now - base <= GROWTH_LIMIT) return undefined;
    return `${kib(now)} KiB in use in pause ${this.#samples.length}, ${kib(base)} KiB in the first ${WARM_UP}`;
  }

  /** Bytes more at the end than after the warm-up; undefined while there is nothing to compare. */
  get growth(): number | undefined {
    const [last, base] = [this.#samples.at(-1), Math.max(...this.#samples.slice(0, WARM_UP))];
    return last === undefined || this.#samples.length <= WARM_UP ? undefined : last - base;
  }
}

const WARM_UP = 4;
export const GROWTH_LIMIT: number = 2 * 1024 * 1024;

function kib(bytes: number): number {
  return Math.round(bytes / 1024);
}
