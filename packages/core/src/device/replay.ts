// `--replay FILE`: a recorded session made again with this program's devices, instead of serving them.

import { closeSync, openSync, readSync } from "node:fs";
import { systemClock } from "../channel/clock.ts";
import { UsageError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { readRecording } from "../trace/recording.ts";
import { type ReplayResult, replayRecording } from "../trace/replay.ts";
import type { AnyDevice } from "./device.ts";

const CHUNK = 64 * 1024;

export interface ReplayFileOptions {
  readonly log: Logger;
  /** Takes the lines of the differences. Default: stdout */
  readonly write?: (line: string) => void;
  /** Milliseconds that an answer may take longer than it took in the recording. Default 5000 */
  readonly patienceMs?: number;
  /** Gives no request earlier than it came in the recording. Default false: as fast as the driver answers */
  readonly paced?: boolean;
}

/**
 * Gives the requests of a recording to the devices, and writes how their answers differ from the recorded ones.
 * @throws UsageError when the file cannot be read, is damaged, or is of other devices
 */
export async function replay(
  devices: readonly AnyDevice[],
  path: string,
  { log, write = toStdout, patienceMs, paced }: ReplayFileOptions,
): Promise<ReplayResult> {
  const messages = readRecording(chunksOf(path), (sentence) => log.warn({}, sentence));
  return await replayRecording(devices, messages, { clock: systemClock, log, write, patienceMs, paced });
}

function* chunksOf(path: string): Generator<Uint8Array> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK);
      const length = readSync(fd, chunk);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, cause: unknown): UsageError {
  return new UsageError(`${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

function toStdout(line: string): void {
  process.stdout.write(`${line}\n`);
}
