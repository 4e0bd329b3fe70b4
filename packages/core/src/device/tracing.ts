// Whether this process writes trace lines, and where to: for all devices that it serves at once. DEVLIFT_TRACE=1 or
// DEVLIFT_TRACE=FILE switches it on from the start, SIGUSR2 on and off at any time (Node keeps SIGUSR1 for itself).
// Lifetimes: one Tracing a process, one Tracer a served device while it is on.

import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { systemClock } from "../channel/clock.ts";
import { UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Tap } from "../session/monitor.ts";
import { lineText, type TraceLine, Tracer } from "../trace/tracer.ts";
import type { AnyDevice } from "./device.ts";
import { stderrLines } from "./stderr.ts";

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;

/** Where lines go: stderr, or a file by its path. */
export type TraceTarget = "stderr" | { readonly file: string };

interface Traced {
  readonly device: AnyDevice;
  readonly tap: Tap;
  readonly log: Logger;
  tracer: Tracer | undefined;
}

class Tracing {
  readonly #traced = new Set<Traced>();
  #target: TraceTarget | undefined;
  #file: number | undefined;
  #on = false;
  readonly #toggle = () => {
    try {
      if (this.#on) this.stop();
      else this.start();
    } catch (error) {
      // A signal has nobody to throw to.
      for (const { log } of [...this.#traced].slice(0, 1)) log.warn({}, `no tracing: ${String(error)}`);
    }
  };

  get on(): boolean {
    return this.#on;
  }

  /**
   * Writes a line for each request from now on, and first one for each call that waits.
   * @param target default: what DEVLIFT_TRACE names, else stderr
   * @throws UsageError when the file cannot be written to
   */
  start(target?: TraceTarget): void {
    this.stop();
    this.#target = target ?? this.#target ?? fromEnvironment() ?? "stderr";
    if (this.#target !== "stderr") this.#file = openTrace(this.#target.file);
    // Who read our lines is gone: what is served matters more than what is said about it.
    else if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => undefined);
    this.#on = true;
    for (const traced of this.#traced) this.#begin(traced);
  }

  stop(): void {
    if (!this.#on) return;
    this.#on = false;
    for (const traced of this.#traced) end(traced);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Traces a device when tracing is on, until the returned function is called. @throws UsageError as start() does */
  attach(device: AnyDevice, tap: Tap, log: Logger): () => void {
    if (!this.#on && this.#target === undefined && fromEnvironment() !== undefined) this.start();
    const traced: Traced = { device, tap, log, tracer: undefined };
    if (this.#traced.size === 0) process.on("SIGUSR2", this.#toggle);
    this.#traced.add(traced);
    if (this.#on) this.#begin(traced);
    return () => {
      end(traced);
      this.#traced.delete(traced);
      if (this.#traced.size === 0) process.off("SIGUSR2", this.#toggle);
    };
  }

  #begin(traced: Traced): void {
    // The file may have failed at the line of another device.
    if (!this.#on) return;
    const { device, tap, log } = traced;
    traced.tracer = new Tracer({
      device: device.name,
      commands: device.driver.commands ?? {},
      clock: systemClock,
      nameOf: threadName,
      waiting: () => tap.waiting(),
      write: (line) => this.#write(line, log),
    });
    tap.add(traced.tracer);
    traced.tracer.start();
  }

  #write(line: TraceLine, log: Logger): void {
    const text = lineText(line);
    if (text === undefined) return;
    if (this.#file === undefined) {
      stderrLines.write(text);
      return;
    }
    try {
      writeSync(this.#file, `${new Date().toISOString()} ${text}\n`);
    } catch (error) {
      this.stop();
      log.error({}, `tracing ends, its file cannot be written: ${String(error)}`);
    }
  }
}

/** Tracing of this process. */
export const tracing: Tracing = new Tracing();

function end(traced: Traced): void {
  if (traced.tracer === undefined) return;
  traced.tap.remove(traced.tracer);
  traced.tracer.stop();
  traced.tracer = undefined;
}

function fromEnvironment(): TraceTarget | undefined {
  const value = process.env["DEVLIFT_TRACE"] ?? "";
  if (value === "" || value === "0") return undefined;
  return traceTarget(value === "1" ? "-" : value);
}

/** @param word a path, or "-" for stderr */
export function traceTarget(word: string): TraceTarget {
  return word === "-" ? "stderr" : { file: word };
}

/**
 * What clients write is in it, so it is the daemon's user's alone. Non-blocking, because of what is no regular file: a
 * fifo that nobody reads, or whose reader stands still, is an error, and does not stop the daemon.
 */
function openTrace(path: string): number {
  try {
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  } catch (cause) {
    throw new UsageError(`cannot write trace lines to ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** A caller chooses its name, so what could drive a terminal or break the line is left out. */
function threadName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8")
      .trim()
      .replace(/[^\x21-\x7e]/g, "?");
  } catch {
    return undefined;
  }
}
