// The recording side of one open file: from a stream of the sound server to the bytes that a program reads. Recording
// begins with the first read, poll or SETTRIGGER, as in sound/core/oss/pcm_oss.c. What a program does not fetch in time
// is lost, the oldest first.
// Lifetimes: a Capture as long as its file; a RecordStream from its start to what ends it.

import { DeviceError } from "@devlift/core";
import { BackendError, type RecordEvents, type RecordStream, type StreamSpec } from "./backend/backend.ts";
import { ByteQueue } from "./byte-queue.ts";
import { convert } from "./format.ts";
import { type Geometry, geometryOf, type Settings } from "./geometry.ts";
import { PATIENCE_MS, RECOVERED_MS, type Space } from "./playback.ts";

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
  #stream: RecordStream | undefined;
  #opening = false;
  /** Tells the answer to an opening that nobody wants any more. */
  #generation = 0;
  #triggered = true;
  #failure: Error | undefined;
  /** Milliseconds for which a stream that is to be opened waits for a server. */
  #patience = PATIENCE_MS;
  /** Bytes that were recorded since the device was opened, of parameters of before, too. */
  #recorded = 0;
  #overruns = 0;
  /** Bytes from which on poll(2) says readable; undefined: a fragment. */
  #lowWater: number | undefined;
  /** Bytes that a blocked read waits for. */
  #wanted = 0;
  /** When the last stream was lost, milliseconds. */
  #recoveredAt = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings, options: CaptureOptions) {
    this.#settings = settings;
    this.#geometry = geometryOf(settings);
    this.#options = options;
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

  /** How often bytes were lost because nobody read in time, since this was asked last. */
  takeOverruns(): number {
    const count = this.#overruns;
    this.#overruns = 0;
    return count;
  }

  /** @param bytes from which on poll(2) says readable, at least 1 */
  setLowWater(bytes: number): void {
    this.#lowWater = bytes;
  }

  /** poll(2) says readable: a fragment is there, or an error. Asking starts the recording. */
  get readable(): boolean {
    if (this.#failure !== undefined) return true;
    if (this.#triggered) this.#start();
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
    if (this.#triggered) this.#start();
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
    if (on) this.#start();
    else this.reset();
  }

  /** Ends the recording, with what nobody has read. The next read starts it again. */
  reset(): void {
    this.#drop();
    // Whoever waits starts it again.
    this.#options.changed();
  }

  #drop(): void {
    this.#generation++;
    this.#opening = false;
    this.#stream?.close();
    this.#stream = undefined;
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

  #start(): void {
    if (this.#stream !== undefined || this.#opening) return;
    this.#opening = true;
    const generation = this.#generation;
    const current = () => generation === this.#generation;
    const { format, rate, channels } = this.#settings;
    const { fragment, buffer } = this.#geometry;
    const events: RecordEvents = {
      data: (bytes) => {
        if (current()) this.#take(bytes);
      },
      failed: (error) => {
        if (!current()) return;
        this.#generation++;
        this.#opening = false;
        this.#stream = undefined;
        const now = performance.now();
        const hangs = error instanceof BackendError && error.hangs;
        const again = now - this.#recoveredAt >= RECOVERED_MS && !hangs;
        this.#recoveredAt = now;
        // What is there stays, and a read goes on when the server is back soon.
        if (again) this.#start();
        else this.#fail(error);
      },
    };
    const spec = { format: format.server, rate, channels, fragment, buffer, corked: false };
    this.#options.openStream(spec, events, this.#patience).then(
      (stream) => {
        if (!current()) {
          stream.close();
          return;
        }
        this.#opening = false;
        this.#stream = stream;
        this.#patience = PATIENCE_MS;
      },
      (error: unknown) => {
        if (current()) this.#fail(error instanceof Error ? error : new DeviceError("EIO", String(error)));
      },
    );
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

  #fail(error: Error): void {
    this.#drop();
    this.#failure = error;
    // Who was told of it has waited once.
    this.#patience = 0;
    this.#options.changed();
  }
}
