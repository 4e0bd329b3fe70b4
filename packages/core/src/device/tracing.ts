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
  /** Those of who watches live. */
  readonly watched: Map<Watcher, Tracer>;
}

/** Somebody who looks on. Gets each line of each device, must not throw, and must not wait. */
type Watcher = (text: string) => void;

class Tracing {
  readonly #traced = new Set<Traced>();
  readonly #watchers = new Set<Watcher>();
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
    const traced: Traced = { device, tap, log, tracer: undefined, watched: new Map() };
    if (this.#traced.size === 0) process.on("SIGUSR2", this.#toggle);
    this.#traced.add(traced);
    if (this.#on) this.#begin(traced);
    for (const watcher of this.#watchers) show(traced, watcher);
    return () => {
      end(traced);
      for (const watcher of this.#watchers) hide(traced, watcher);
      this.#traced.delete(traced);
      if (this.#traced.size === 0) process.off("SIGUSR2", this.#toggle);
    };
  }

  /**
   * Gives a watcher each line from now on, whether tracing is on or off, and first one for each call that waits.
   * @returns what ends it; nothing is left of it then
   */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    for (const traced of this.#traced) show(traced, watcher);
    return () => {
      this.#watchers.delete(watcher);
      for (const traced of this.#traced) hide(traced, watcher);
    };
  }

  #begin(traced: Traced): void {
    // The file may have failed at the line of another device.
    if (!this.#on) return;
    traced.tracer = tracerOf(traced, (line) => this.#write(line, traced.log));
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

function tracerOf({ device, tap }: Traced, write: (line: TraceLine) => void): Tracer {
  const tracer = new Tracer({
    device: device.name,
    commands: device.driver.commands ?? {},
    clock: systemClock,
    nameOf: threadName,
    waiting: () => tap.waiting(),
    write,
  });
  tap.add(tracer);
  tracer.start();
  return tracer;
}

function end(traced: Traced): void {
  if (traced.tracer === undefined) return;
  traced.tap.remove(traced.tracer);
  traced.tracer.stop();
  traced.tracer = undefined;
}

function show(traced: Traced, watcher: Watcher): void {
  const tracer = tracerOf(traced, (line) => {
    const text = lineText(line);
    if (text !== undefined) watcher(text);
  });
  traced.watched.set(watcher, tracer);
}

function hide({ tap, watched }: Traced, watcher: Watcher): void {
  const tracer = watched.get(watcher);
  if (tracer === undefined) return;
  tap.remove(tracer);
  tracer.stop();
  watched.delete(watcher);
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
