// The sizes of a stream's queue in the server. Values without a lifetime.
// Source: PulseAudio src/pulse/def.h, pa_buffer_attr; src/pulsecore/protocol-native.c, fix_playback_buffer_attr().

import type { TagReader, TagWriter } from "./wire/tagstruct.ts";

/** "As the server thinks best". */
const DEFAULT = 0xffff_ffff;

/** Sizes of a playback stream's queue, in bytes. What is left out is the server's choice. */
export interface PlaybackBuffer {
  /** The most that the queue holds. */
  readonly maxlength: number;
  /** What the server tries to have in the queue: it asks for bytes when there is less, so this is the latency. */
  readonly tlength: number;
  /**
   * Playing starts, also after an underrun, when so much is there; or by trigger(). With 0 it starts at once and goes on
   * through an underrun, and bytes that come too late for their place are then lost.
   */
  readonly prebuf: number;
  /** The server does not ask for less than this at once: a fragment. */
  readonly minreq: number;
}

/** Sizes of a record stream's queue, in bytes. What is left out is the server's choice. */
export interface RecordBuffer {
  /** The most that the queue in the server holds, and the most that we keep before the server is told to stop. */
  readonly maxlength: number;
  /** The server sends so much at once: a fragment. */
  readonly fragsize: number;
}

/** How the server fits the device's latency to the stream's. */
export interface LatencyMode {
  /**
   * `adjust` (default): the device's latency is chosen so that with it tlength is the whole latency. `fragments`: the
   * device wakes up for each minreq or fragsize. `fixed`: the device stays as it is, and tlength is only the queue's.
   */
  readonly latencyMode?: "adjust" | "fragments" | "fixed";
}

export const adjusts = ({ latencyMode = "adjust" }: LatencyMode): boolean => latencyMode === "adjust";
export const requestsEarly = ({ latencyMode }: LatencyMode): boolean => latencyMode === "fragments";

export const size = (value: number | undefined): number => value ?? DEFAULT;

export function writePlaybackBuffer(writer: TagWriter, buffer: Partial<PlaybackBuffer>): void {
  writer.u32(size(buffer.maxlength)).u32(size(buffer.tlength)).u32(size(buffer.prebuf)).u32(size(buffer.minreq));
}

export function readPlaybackBuffer(reader: TagReader): PlaybackBuffer {
  return { maxlength: reader.u32(), tlength: reader.u32(), prebuf: reader.u32(), minreq: reader.u32() };
}

/** As in a message that tells of new sizes: with the latency that the device has then, in microseconds. */
export const readNewPlaybackBuffer = withLatency(readPlaybackBuffer);

export function writeRecordBuffer(writer: TagWriter, buffer: Partial<RecordBuffer>): void {
  writer.u32(size(buffer.maxlength)).u32(size(buffer.fragsize));
}

export function readRecordBuffer(reader: TagReader): RecordBuffer {
  return { maxlength: reader.u32(), fragsize: reader.u32() };
}

export const readNewRecordBuffer = withLatency(readRecordBuffer);

function withLatency<Sizes>(read: (reader: TagReader) => Sizes): (reader: TagReader) => Sizes {
  return (reader) => {
    const buffer = read(reader);
    reader.usec();
    return buffer;
  };
}
