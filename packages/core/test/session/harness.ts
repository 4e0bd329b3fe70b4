// A device on a kernel in memory, with a clock that the test moves and a log that it can look at.

import { onTestFinished } from "vitest";
import type { MemoryKernelOptions } from "../../src/channel/memory.ts";
import { type AnyDevice, type Logger, MemoryKernel, serve } from "../../src/index.ts";
import { FakeClock } from "../fake-clock.ts";
import type { FusdKernel } from "./fusd-kernel.ts";

export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
}

export class RecordingLog implements Logger {
  readonly lines: LogLine[] = [];
  debug = (_: object, message: string) => void this.lines.push({ level: "debug", message });
  info = (_: object, message: string) => void this.lines.push({ level: "info", message });
  warn = (_: object, message: string) => void this.lines.push({ level: "warn", message });
  error = (_: object, message: string) => void this.lines.push({ level: "error", message });

  at(level: keyof Logger): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }
}

type AnyKernel = MemoryKernel | FusdKernel;

let Kernel: new (options: MemoryKernelOptions) => AnyKernel = MemoryKernel;

/** From now on start() serves on another kernel: for a file that runs the tests of others on it. */
export function useKernel(kernel: typeof Kernel): void {
  Kernel = kernel;
}

/** Serves a device until the test ends. */
export function start(device: AnyDevice) {
  return startOn(Kernel, device);
}

export async function startOn<K extends AnyKernel>(Kernel: new (options: MemoryKernelOptions) => K, device: AnyDevice) {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const kernel = new Kernel({ clock });
  const channel = await serve(device, { channel: kernel, log });
  onTestFinished(async () => {
    const closing = channel.close();
    // Handlers and releases that a test left hanging are given up after the grace time.
    for (let i = 0; i < 2; i++) {
      await settled();
      clock.advance(10_000);
    }
    await closing;
  });
  return { kernel, clock, log, channel };
}

/** What a promise rejects with, by errno name; "resolved" when it does not. */
export async function errno(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );
}

/** Lets every promise that can settle now settle. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise is settled by now. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  await settled();
  const pending = Symbol("pending");
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)])) === pending;
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);
