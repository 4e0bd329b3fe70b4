// A playback stream: bytes go to the server as it asks for them, never more.
// Lifetime: see stream.ts. Nothing is queued here: what write() takes goes to the socket at once.

import {
  adjusts,
  type LatencyMode,
  type PlaybackBuffer,
  readNewPlaybackBuffer,
  readPlaybackBuffer,
  requestsEarly,
  size,
  writePlaybackBuffer,
} from "./buffer.ts";
import { initialVolumes, readPlace, type StreamOptions, writeFlags, writeFormat } from "./creation.ts";
import { PulseError } from "./errors.ts";
import { wholeFrames } from "./sample.ts";
import { type Report, Stream, type StreamHost, type StreamListener } from "./stream.ts";
import { PlaybackClock, type PlaybackLatency } from "./timing.ts";
import { MAX_MEMBLOCKQ_LENGTH, PA_COMMAND } from "./wire/abi.ts";
import type { TagReader, TagWriter } from "./wire/tagstruct.ts";

export interface PlaybackOptions extends StreamOptions {
  /** Default: the server's choice, two seconds. */
  readonly buffer?: Partial<PlaybackBuffer>;
}

export interface PlaybackListener extends StreamListener {
  /** `writable` has grown. */
  writable?(): void;
  /** Sound comes out, first or after an underrun. */
  started?(): void;
  /**
   * The queue ran empty; after `buffer.prebuf` bytes more it goes on by itself.
   *
   * @param index bytes of the stream until then, as the server counts
   */
  underflow?(index: number): void;
  /** The server threw bytes away that were more than `maxlength`. */
  overflow?(): void;
}

const COMMANDS = {
  delete: PA_COMMAND.DELETE_PLAYBACK_STREAM,
  cork: PA_COMMAND.CORK_PLAYBACK_STREAM,
  flush: PA_COMMAND.FLUSH_PLAYBACK_STREAM,
  latency: PA_COMMAND.GET_PLAYBACK_LATENCY,
  properties: PA_COMMAND.UPDATE_PLAYBACK_STREAM_PROPLIST,
};
/** underrun_for when there was no sound yet (pa_sink_input's thread_info). */
const NEVER_PLAYED = 0xffff_ffff_ffff_ffffn;

export class PlaybackStream extends Stream<PlaybackBuffer> {
  /** The index of its sink input, by which introspection, volumes and pactl know it. */
  readonly sinkInput: number;
  readonly #listener: PlaybackListener;
  readonly #clock: PlaybackClock;
  /** Bytes that the server asked for and did not get yet. */
  #credit: number;
  #draining = false;

  /** @internal Reads what the server says of the stream that it has made. */
  constructor(host: StreamHost, options: PlaybackOptions, listener: PlaybackListener, reader: TagReader) {
    const channel = reader.u32();
    const sinkInput = reader.u32();
    const credit = reader.u32();
    const buffer = readPlaybackBuffer(reader);
    super(host, { channel, buffer, ...readPlace(reader), corked: options.corked ?? false }, COMMANDS, listener);
    this.sinkInput = sinkInput;
    this.#credit = Math.min(credit, MAX_MEMBLOCKQ_LENGTH);
    this.#listener = listener;
    this.#clock = new PlaybackClock(this.spec);
    this.reports.often();
  }

  /** Bytes that write() takes now, in whole frames. */
  get writable(): number {
    if (!this.open) return 0;
    // A server that asks without end and takes nothing gets no more than this process may hold for it.
    const room = Math.min(this.#credit, MAX_MEMBLOCKQ_LENGTH - this.connection.unsent);
    return wholeFrames(Math.max(room, 0), this.spec);
  }

  /**
   * Sends as much of `samples` as `writable` allows. They are copied.
   *
   * @returns the bytes taken, in whole frames; 0 also when the stream has ended
   */
  write(samples: Uint8Array): number {
    const length = Math.min(wholeFrames(samples.length, this.spec), this.writable);
    if (length === 0) return 0;
    this.connection.sendBlock(this.channel, samples.subarray(0, length));
    this.#credit -= length;
    this.#clock.wrote(length);
    return length;
  }

  /** Discards what is in the queue. What the device has already may still be heard. The counts of latency() start at 0. */
  flush(): Promise<void> {
    // First, so that the report that is asked for behind the flush is not taken for an old one.
    this.#clock.flushed();
    return this.sendFlush();
  }

  /** Plays what is in the queue, though it be less than `prebuf`. Does not end cork(). */
  trigger(): Promise<void> {
    return this.#start(PA_COMMAND.TRIGGER_PLAYBACK_STREAM);
  }

  /** Waits for `prebuf` bytes again before it plays on. */
  prebuf(): Promise<void> {
    return this.#start(PA_COMMAND.PREBUF_PLAYBACK_STREAM);
  }

  /**
   * Resolves when all that was written has been heard; starts it, as trigger() does. Has no time limit of its own: a
   * corked stream does not drain, and one whose device sleeps waits for it.
   *
   * @throws PulseError as a rejection: "aborted" by the signal (what is in the queue then plays on), "badstate" when it
   * drains already, and why the stream ended
   */
  async drain(signal?: AbortSignal): Promise<void> {
    // The server remembers one drain of a stream, and never answers the first of two.
    if (this.#draining) throw new PulseError("badstate", "the stream drains already");
    this.#draining = true;
    const given = signal === undefined ? this.gone : AbortSignal.any([signal, this.gone]);
    const drainedUpTo = this.#clock.drainingUpTo();
    try {
      const command = PA_COMMAND.DRAIN_PLAYBACK_STREAM;
      const drained = this.request({ command, timeoutMs: Number.POSITIVE_INFINITY, signal: given });
      this.reports.often();
      await drained;
      drainedUpTo();
    } catch (error) {
      throw this.end ?? error;
    } finally {
      this.#draining = false;
    }
  }

  /**
   * Asks for other sizes of the queue; `buffer` has what came of it. What is in the queue stays, and a corked stream's
   * credit, too: PulseAudio asks for what a larger queue lacks when the stream next moves.
   */
  setBuffer(buffer: Partial<PlaybackBuffer>, mode: LatencyMode = {}): Promise<void> {
    return this.sendBuffer({
      command: PA_COMMAND.SET_PLAYBACK_STREAM_BUFFER_ATTR,
      fields: (writer) => {
        writePlaybackBuffer(writer, buffer);
        writer.bool(adjusts(mode)).bool(requestsEarly(mode));
      },
      answer: readNewPlaybackBuffer,
    });
  }

  /** Where the stream is now, worked out from the last report without asking the server. */
  latency(): PlaybackLatency {
    return this.#clock.at(performance.now());
  }

  /** Asks the server first. */
  async updateLatency(): Promise<PlaybackLatency> {
    await this.reports.now();
    return this.latency();
  }

  /** @internal The server asks for more. */
  requested(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, MAX_MEMBLOCKQ_LENGTH);
    if (this.writable > 0) this.#listener.writable?.();
  }

  /** @internal The socket has room again. */
  drained(): void {
    if (this.writable > 0) this.#listener.writable?.();
  }

  /** @internal */
  startedBy(): void {
    this.reports.often();
    this.#listener.started?.();
  }

  /** @internal */
  underflowed(index: bigint): void {
    this.reports.often();
    this.#listener.underflow?.(Number(index));
  }

  /** @internal */
  overflowed(): void {
    this.#listener.overflow?.();
  }

  protected override get moving(): boolean {
    const { playing, delay } = this.latency();
    return playing || delay > 0;
  }

  protected override asking(): (report: Report, rest: TagReader) => void {
    const reported = this.#clock.asking();
    return (report, rest) => {
      const underrunFor = rest.u64();
      // How long it has played since then, which nobody needs here.
      rest.u64();
      const silentFor = underrunFor === NEVER_PLAYED ? Number.POSITIVE_INFINITY : Number(underrunFor);
      reported({ ...report, deviceUsec: report.sinkUsec, silentFor });
    };
  }

  #start(command: number): Promise<void> {
    const started = this.send(command);
    this.reports.often();
    return started;
  }
}

/** The fields of CREATE_PLAYBACK_STREAM. @param group streams with the same number start and stop together */
export function writePlaybackOptions(writer: TagWriter, options: PlaybackOptions, group: number): void {
  const { corked = false, buffer = {}, properties, volume, muted } = options;
  writeFormat(writer, options);
  writer.u32(size(buffer.maxlength)).bool(corked);
  writer.u32(size(buffer.tlength)).u32(size(buffer.prebuf)).u32(size(buffer.minreq));
  writer.u32(group).cvolume(initialVolumes(options));
  writeFlags(writer, options);
  writer
    .bool(muted ?? false)
    .bool(adjusts(options))
    .proplist(properties);
  writer
    .bool(volume !== undefined)
    .bool(requestsEarly(options))
    .bool(muted !== undefined);
  // The stream keeps an idle device awake, lives on when it sleeps, its volume is absolute, its samples are PCM.
  for (const flag of [false, false, false, false]) writer.bool(flag);
  // No formats: the sample specification is meant.
  writer.u8(0);
}
