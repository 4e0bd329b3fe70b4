// A driver on the fake bus with everything that a test looks at: the log, and the port's side of the line.

import type { Logger } from "@devlift/core";
import type { LineHost } from "@devlift/tty";
import { FakeUsbHost } from "@devlift/usb/virtual";
import { PilotDriver } from "../src/driver.ts";

/** A log in memory: "info port open: ...". */
export class MemoryLog implements Logger {
  readonly lines: string[] = [];
  debug(_fields: object, message: string): void {
    this.lines.push(`debug ${message}`);
  }
  info(_fields: object, message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(_fields: object, message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(_fields: object, message: string): void {
    this.lines.push(`error ${message}`);
  }
  /** The lines of level info and above that contain `part`. */
  said(part: string): string[] {
    return this.lines.filter((line) => !line.startsWith("debug ") && line.includes(part));
  }
}

/** The tty layer's half of a line. */
export class Port implements LineHost {
  readonly bytes: number[] = [];
  hangups = 0;
  writables = 0;
  #told: (() => void) | undefined;

  received(bytes: Uint8Array): void {
    this.bytes.push(...bytes);
    this.#told?.();
  }
  writable(): void {
    this.writables++;
    this.#told?.();
  }
  hangup(): void {
    this.hangups++;
    this.#told?.();
  }
  /** Resolves when `done` holds, checked after each thing that is told. */
  async until(done: (port: Port) => boolean): Promise<void> {
    while (!done(this))
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
  }
}

export interface Bench {
  readonly bus: FakeUsbHost;
  readonly log: MemoryLog;
  readonly driver: PilotDriver;
  readonly port: Port;
  /** Opens as open(2) does. */
  open(signal?: AbortSignal): ReturnType<PilotDriver["open"]>;
}

export async function bench(options: { readonly wait?: boolean } = {}): Promise<Bench> {
  const bus = new FakeUsbHost();
  const log = new MemoryLog();
  const driver = new PilotDriver({ host: bus, log, ...options });
  await driver.start();
  const port = new Port();
  const never = new AbortController().signal;
  return { bus, log, driver, port, open: (signal = never) => driver.open(port, { nonBlocking: true, signal }) };
}
