// A device on a kernel in memory that is looked at: by a tracer, a recording, or both.

import { onTestFinished } from "vitest";
import { type AnyDevice, type Logger, MemoryKernel, silent } from "../../src/index.ts";
import { type Monitor, Tap } from "../../src/session/monitor.ts";
import { encodeHead, encodeHeader, RECORD, RECORD_HEAD_SIZE, type RecordKind } from "../../src/trace/recording.ts";
import { lineText, type TraceLine, Tracer } from "../../src/trace/tracer.ts";
import { FakeClock } from "../fake-clock.ts";
import { settled } from "../session/harness.ts";

/** Serves a device until the test ends. */
export async function looked(device: AnyDevice, log: Logger = silent) {
  const clock = new FakeClock();
  const kernel = new MemoryKernel({ clock });
  const tap = new Tap();
  const { driver, files } = device;
  const path = `/dev/${device.name}`;
  const lines: string[] = [];
  const write = (line: TraceLine) => {
    const text = lineText(line);
    if (text !== undefined) lines.push(text);
  };
  const waiting = () => tap.waiting();
  const names = new Map([[4242, "cat"]]);
  const nameOf = (pid: number) => names.get(pid);
  const tracer = new Tracer({ device: device.name, commands: driver.commands ?? {}, clock, write, waiting, nameOf });
  const recorder = new Recorder(device.name, clock);
  tap.add(recorder);
  const channel = await kernel.open({ driver, files, path, log, tap });
  const close = async () => {
    const closing = channel.close();
    for (let i = 0; i < 2; i++) {
      await settled();
      clock.advance(10_000);
    }
    await closing;
  };
  onTestFinished(close);
  return {
    kernel,
    clock,
    tap,
    tracer,
    close,
    /** Switches tracing on. */
    trace: () => {
      tap.add(tracer);
      tracer.start();
    },
    /** The lines since the last call. */
    lines: () => lines.splice(0),
    recording: () => recorder.bytes(),
  };
}

/** A recording in memory. */
export class Recorder implements Monitor {
  readonly #clock: FakeClock;
  readonly #parts: Uint8Array[] = [encodeHeader("2026-01-01T00:00:00.000Z")];

  constructor(name: string, clock: FakeClock) {
    this.#clock = clock;
    this.#put(RECORD.DEVICE, [new TextEncoder().encode(JSON.stringify({ name }))]);
  }

  received(message: Uint8Array): void {
    this.#put(RECORD.REQUEST, [message]);
  }

  sent(parts: readonly Uint8Array[]): void {
    this.#put(RECORD.ANSWER, parts);
  }

  closing(): void {
    this.#put(RECORD.CLOSING, []);
  }

  bytes(): Uint8Array {
    // No Buffer, whose slice() is no copy.
    return Uint8Array.from(Buffer.concat(this.#parts));
  }

  #put(kind: RecordKind, payload: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(payload);
    const head = new DataView(new ArrayBuffer(RECORD_HEAD_SIZE));
    encodeHead({ kind, device: 0, time: this.#clock.now() * 1000 }, bytes.length, head);
    this.#parts.push(new Uint8Array(head.buffer), bytes);
  }
}
