// The recording side of one open file: from a stream of the sound server to the bytes that a program reads. Recording
// begins with the first read, poll or SETTRIGGER, as in sound/core/oss/pcm_oss.c. What a program does not fetch in time
// is lost, the oldest first.
// Lifetimes: a Capture as long as its file; a RecordStream from its start to what ends it.

import { DeviceError } from "@devlift/core";
import { FULL, type RecordEvents, type RecordStream, type StreamSpec, type Volume } from "./backend/backend.ts";
import { ByteQueue } from "./byte-queue.ts";
import { convert } from "./format.ts";
import { type Geometry, geometryOf, type Settings } from "./geometry.ts";
import type { Space } from "./playback.ts";
import { type Opening, StreamSlot, type StreamState } from "./stream-slot.ts";

export type OpenRecord = (
  spec: Omit<StreamSpec, "program">,
  events: RecordEvents,
  patience: number,
) => Promise<RecordStream>;

export interface CaptureOptions {
  /** @param patience milliseconds for which to go on when there is no server */
  readonly openStream: OpenRecord;
  /** More can be read, or it has failed. */
  readonly changed: () => void;
}

export class Capture {
  readonly #options: CaptureOptions;
  readonly #held = new ByteQueue();
  #settings: Settings;
  #geometry: Geometry;
  readonly #slot: StreamSlot<RecordStream>;
  #triggered = true;
  #failure: Error | undefined;
  /** Bytes that were recorded since the device was opened, of parameters of before, too. */
  #recorded = 0;
  #overruns = 0;
  #overrunsTold = 0;
  /** Bytes from which on poll(2) says readable; undefined: a fragment. */
  #lowWater: number | undefined;
  #volume: Volume | undefined;
  /** What the stream was opened with. */
  #volumeSent: Volume | undefined;
  /** Bytes that a blocked read waits for. */
  #wanted = 0;

  constructor(settings: Settings, options: CaptureOptions) {
    this.#settings = settings;
    this.#geometry = geometryOf(settings);
    this.#options = options;
    this.#slot = new StreamSlot<RecordStream>({
      open: (opening) => this.#openStream(opening),
      opened: (stream) => {
        // What was asked for while it opened.
        if (this.#volume !== undefined && this.#volume !== this.#volumeSent) stream.setVolume(this.#volume);
      },
      // What is there stays, and a read goes on when the server is back.
      lost: () => undefined,
      failed: (error) => {
        this.#discard();
        this.#failure = error;
        this.#options.changed();
      },
    });
  }

  get geometry(): Geometry {
    return this.#geometry;
  }

  get triggered(): boolean {
    return this.#triggered;
  }

  /** Bytes that read() gives now. */
  get available(): number {
    return this.#held.length;
  }

  get recorded(): number {
    return this.#recorded;
  }

  get state(): StreamState {
    if (this.#slot.opening) return "opening";
    if (this.#slot.stream !== undefined) return "running";
    return this.#triggered ? "idle" : "held";
  }

  /** How often bytes were lost because nobody read in time. */
  get overruns(): number {
    return this.#overruns;
  }

  /** The same since this was asked last. */
  takeOverruns(): number {
    const count = this.#overruns - this.#overrunsTold;
    this.#overrunsTold = this.#overruns;
    return count;
  }

  get volume(): Volume {
    return this.#volume ?? FULL;
  }

  setVolume(volume: Volume): void {
    this.#volume = volume;
    this.#slot.stream?.setVolume(volume);
  }

  /** @param bytes from which on poll(2) says readable, at least 1 */
  setLowWater(bytes: number): void {
    this.#lowWater = bytes;
  }

  /** poll(2) says readable: a fragment is there, or an error. Asking starts the recording. */
  get readable(): boolean {
    if (this.#failure !== undefined) return true;
    if (this.#triggered) this.#slot.want();
    return this.#held.length >= this.#enough;
  }

  get space(): Space {
    const { fragment, fragments } = this.#geometry;
    const bytes = this.#held.length;
    return { fragments: Math.floor(bytes / fragment), fragstotal: fragments, fragsize: fragment, bytes };
  }

  /** New parameters. What was recorded with the old ones is lost. */
  configure(settings: Settings): void {
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.#geometry = geometryOf(settings);
    this.reset();
  }

  /**
   * @param whole nothing less than `length` will do, as for a blocking read
   * @returns undefined: not yet
   * @throws DeviceError EIO, once, when the sound server has failed; the next read begins anew
   */
  read(length: number, whole: boolean): Uint8Array | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw new DeviceError("EIO", failure.message, { cause: failure });
    if (this.#triggered) this.#slot.want();
    if (length > 0 && this.#held.length < (whole ? length : 1)) {
      this.#wanted = whole ? length : 0;
      return undefined;
    }
    this.#wanted = 0;
    return this.#held.take(length);
  }

  /** Starts, or ends and throws away what was recorded. */
  trigger(on: boolean): void {
    if (on === this.#triggered) return;
    this.#triggered = on;
    if (on) this.#slot.want();
    else this.reset();
  }

  /** Ends the recording, with what nobody has read. The next read starts it again. */
  reset(): void {
    this.#slot.drop();
    this.#discard();
    // Whoever waits starts it again.
    this.#options.changed();
  }

  #discard(): void {
    this.#recorded -= this.#held.length;
    this.#held.clear();
    this.#failure = undefined;
  }

  close(): void {
    this.reset();
  }

  get #enough(): number {
    const { fragment, buffer } = this.#geometry;
    return Math.min(this.#lowWater ?? fragment, buffer);
  }

  #openStream({ current, lost, patience }: Opening): Promise<RecordStream> {
    const { format, rate, channels } = this.#settings;
    const { fragment, buffer } = this.#geometry;
    const events: RecordEvents = {
      data: (bytes) => {
        if (current()) this.#take(bytes);
      },
      failed: lost,
    };
    const volume = this.#volume;
    this.#volumeSent = volume;
    const spec = { format: format.server, rate, channels, fragment, buffer, corked: false, volume };
    return this.#options.openStream(spec, events, patience);
  }

  #take(bytes: Uint8Array): void {
    this.#held.push(convert(this.#settings.format, bytes));
    this.#recorded += bytes.length;
    const { frame, buffer } = this.#geometry;
    const over = this.#held.length - Math.max(buffer, this.#wanted);
    // Whole frames, so that a program does not lose its place in them.
    if (over > 0) {
      this.#held.take(Math.ceil(over / frame) * frame);
      this.#overruns++;
    }
    const enough = this.#enough;
    if (this.#held.length >= Math.min(enough, this.#wanted || enough)) this.#options.changed();
  }
}
