// ByteStreams of the machine: a tty opened with serialport as any Node program does, and the process's own stdin and
// stdout. A stream owns what it opened and gives it back in close.

import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { SerialPort } from "serialport";
import { type ByteStream, ChunkQueue } from "../hotsync-protocol/byte-stream.ts";
import { CMP_FIRST_BAUD } from "../hotsync-protocol/cmp.ts";

/** The port could not be opened. The message says why, and what to do where we know. */
export class PortError extends Error {
  override readonly name = "PortError";
}

export interface OpenOptions {
  /** How long to try while the port says ENODEV, which means: no handheld there yet. Default 60 s. */
  readonly timeoutMs?: number;
  /** Between two tries. Default 1 s; pilot-link takes 2 s and ColdSync 5 s. */
  readonly retryMs?: number;
  /** Called before each pause with the time left, milliseconds. */
  readonly onWaiting?: (leftMs: number) => void;
}

/** Opens at CMP's first speed. Rejects with PortError. */
export async function openSerialPort(path: string, options: OpenOptions = {}): Promise<ByteStream> {
  const { timeoutMs = 60_000, retryMs = 1000, onWaiting } = options;
  const until = Date.now() + timeoutMs;
  for (;;) {
    const port = new SerialPort({ path, baudRate: CMP_FIRST_BAUD, autoOpen: false });
    const failure = await openOnce(port);
    if (!failure) return portStream(port);
    const left = until - Date.now();
    if (!isNoDevice(failure) || left <= 0) throw portError(path, failure);
    onWaiting?.(left);
    await sleep(Math.min(retryMs, left));
  }
}

function openOnce(port: SerialPort): Promise<Error | null> {
  return new Promise((resolve) => port.open(resolve));
}

/** serialport gives no errno, only strerror's text (bindings-cpp, serialport_unix.cpp). ENODEV's, not ENXIO's. */
function isNoDevice(failure: Error): boolean {
  return failure.message.includes("No such device,");
}

function portError(path: string, cause: Error): PortError {
  const advice = (
    [
      ["No such device,", "no handheld came: put it into the cradle and press its HotSync button"],
      ["No such file", "there is no such port: is the driver's service running?"],
      ["Permission denied", "you may not open it: are you in the port's group (often dialout)?"],
      ["Cannot lock", "another program has it open"],
    ] as const
  ).find(([text]) => cause.message.includes(text));
  return new PortError(`cannot open ${path}: ${advice ? advice[1] : cause.message}`, { cause });
}

function portStream(port: SerialPort): ByteStream {
  const received = new ChunkQueue();
  port.on("data", (chunk: Buffer) => received.push(new Uint8Array(chunk)));
  port.on("close", () => received.end());
  port.on("error", () => received.end());
  const close = async (): Promise<void> => {
    received.end();
    if (!port.isOpen) return;
    await settle((done) => port.drain(done)).catch(() => undefined);
    if (port.isOpen) await settle((done) => port.close(done)).catch(() => undefined);
  };
  // Whoever closes waits until the port is closed, also the second one: serialport says so too early.
  let closing: Promise<void> | undefined;
  return {
    read: () => received.read(),
    write: (data) => settle((done) => port.write(data, done)),
    setBaudRate: async (baudRate) => {
      await settle((done) => port.drain(done));
      await settle((done) => port.update({ baudRate }, done));
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function settle(run: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));
}

/** For a program between two pipes, or under socat's `EXEC`. */
export function pipeStream(input: Readable, output: Writable): ByteStream {
  const received = new ChunkQueue();
  input.on("data", (chunk: Buffer) => received.push(new Uint8Array(chunk)));
  input.on("end", () => received.end());
  input.on("error", () => received.end());
  output.on("error", () => received.end());
  return {
    read: () => received.read(),
    write: (data) => settle((done) => output.write(data, done)),
    close: async () => {
      received.end();
      input.destroy();
      await new Promise<void>((resolve) => output.end(resolve));
    },
  };
}
