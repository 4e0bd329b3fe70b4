// The playing side of one open file: from the bytes that a program writes to a stream of the sound server, and back from
// what was heard to OSS's counters. The stream is opened by the first write, or where a program wants to know; parameters
// that change, RESET, and an output that is switched off end it with what it holds, as in sound/core/oss/pcm_oss.c.
// Lifetimes: a Playback as long as its file; a PlayStream from the first byte to the next of those ends.

import { DeviceError } from "@devlift/core";
import { FULL, type PlayEvents, type PlayStream, type StreamSpec, type Volume } from "./backend/backend.ts";
import { ByteQueue } from "./byte-queue.ts";
import { convert, silenceOf } from "./format.ts";
import { type Geometry, geometryOf, type Settings } from "./geometry.ts";
import { type Opening, StreamSlot, type StreamState } from "./stream-slot.ts";
import { unlessAborted } from "./unless-aborted.ts";

export interface PlaybackOptions {
  /** Opens a stream on the caller's server. @param patience milliseconds for which to go on when there is no server */
  readonly openStream: OpenPlay;
  /** More can be written, or it has failed. */
  readonly changed: () => void;
}

export type OpenPlay = (spec: Omit<StreamSpec, "program">, events: PlayEvents, patience: number) => Promise<PlayStream>;

/** What GETOSPACE says. */
export interface Space {
  readonly fragments: number;
  readonly fragstotal: number;
  readonly fragsize: number;
  readonly bytes: number;
}

export class Playback {
  readonly #options: PlaybackOptions;
  /** Bytes that the server has not taken yet: while the stream opens, or less than a frame. */
  readonly #held = new ByteQueue();
  #settings: Settings;
  #geometry: Geometry;
  readonly #slot: StreamSlot<PlayStream>;
  #triggered = true;
  #volume: Volume | undefined;
  /** What the stream was opened with. */
  #volumeSent: Volume | undefined;
  #failure: Error | undefined;
  /** Bytes of the frame that is not whole. */
  #inFrame = 0;
  #draining = false;
  #underruns = 0;
  #underrunsTold = 0;
  /** Bytes of room from which on poll(2) says writable; undefined: a fragment. */
  #lowWater: number | undefined;
  /** POST came while the stream opened. */
  #posted = false;
  /** Bytes that the program wrote, since it opened the device. */
  #written = 0;
  /** Bytes of them that were heard or thrown away, as far as anybody was told. */
  #played = 0;
  /** Bytes of them that left the buffer, likewise. */
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  constructor(settings: Settings, options: PlaybackOptions) {
    this.#settings = settings;
    this.#geometry = geometryOf(settings);
    this.#options = options;
    this.#slot = new StreamSlot<PlayStream>({
      open: (opening) => this.#openStream(opening),
      opened: (stream) => this.#opened(stream),
      lost: () => {
        this.#played = this.#written - this.#held.length;
        this.#wake();
      },
      failed: (error) => {
        this.#discard();
        this.#failure = error;
        this.#wake();
      },
    });
  }

  get geometry(): Geometry {
    return this.#geometry;
  }

  get triggered(): boolean {
    return this.#triggered;
  }

  get state(): StreamState {
    if (this.#slot.opening) return "opening";
    if (this.delay === 0) return "idle";
    return this.#triggered ? "running" : "held";
  }

  /** New parameters. What was not heard of the old ones is lost, as with the kernel's emulation. */
  configure(settings: Settings): void {
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.#geometry = geometryOf(settings);
    this.reset();
  }

  /** Bytes that write() takes now. */
  get room(): number {
    return Math.max(0, this.#capacity - this.#waitingBytes);
  }

  /** Bytes that the server has not taken out of the buffer. */
  get #waitingBytes(): number {
    const inServer = this.#slot.stream === undefined ? 0 : this.#slot.stream.bufferSize - this.#slot.stream.room;
    return inServer + this.#held.length;
  }

  /** poll(2) says writable: there is room for a fragment, or for anything while nothing plays (snd_pcm_oss_poll()). */
  get writable(): boolean {
    if (this.#failure !== undefined) return true;
    const { room } = this;
    const enough = Math.min(this.#lowWater ?? this.#geometry.fragment, this.#capacity);
    return room >= enough || (room > 0 && (this.#slot.stream === undefined || this.delay === 0));
  }

  get space(): Space {
    const { fragment } = this.#geometry;
    const bytes = this.room;
    const fragstotal = Math.ceil(this.#capacity / fragment);
    return { fragments: Math.floor(bytes / fragment), fragstotal, fragsize: fragment, bytes };
  }

  /**
   * Takes what there is room for.
   * @returns how many bytes; 0: none now
   * @throws DeviceError EIO, once, when the sound server has failed; the next write begins anew
   */
  write(data: Uint8Array): number {
    this.#throwFailure();
    const count = Math.min(this.room, data.length);
    if (count === 0) return 0;
    const { format } = this.#settings;
    this.#held.push(convert(format, data.slice(0, count), this.#inFrame % format.bytes));
    this.#inFrame = (this.#inFrame + count) % this.#geometry.frame;
    this.#written += count;
    this.#slot.want();
    this.#pump();
    return count;
  }

  /** Bytes that were written and not heard. Never more than before but for a write. */
  get delay(): number {
    return this.#written - this.played;
  }

  /** Bytes that were heard since the device was opened. Never less than before. */
  get played(): number {
    const delay = this.#held.length + (this.#slot.stream?.delay() ?? 0);
    this.#played = Math.max(this.#played, this.#written - delay);
    return this.#played;
  }

  /**
   * Where in the buffer of so many bytes the server takes from: what it has taken leaves room, though it may be heard
   * later. A program that looks here finds what poll(2) and GETOSPACE say, in the same steps.
   */
  get position(): number {
    this.#taken = Math.max(this.#taken, this.#written - this.#waitingBytes);
    return this.#taken % this.#geometry.buffer;
  }

  /** Throws away what was not heard. */
  reset(): void {
    this.#slot.drop();
    this.#discard();
    this.#wake();
  }

  #discard(): void {
    this.#held.clear();
    this.#inFrame = 0;
    this.#posted = false;
    this.#played = this.#written;
    this.#failure = undefined;
  }

  /** Plays what is there, though it is less than a fragment. */
  post(): void {
    if (!this.#triggered) return;
    if (this.#slot.stream === undefined) this.#posted = this.#slot.opening;
    else this.#slot.stream.trigger();
  }

  /** Lets the output go, or holds it; then what was not heard is lost, and what comes waits. */
  trigger(on: boolean): void {
    if (on === this.#triggered) return;
    this.#triggered = on;
    if (!on) this.reset();
    else {
      this.#slot.stream?.setCorked(false);
      this.#slot.stream?.trigger();
    }
  }

  /** @param bytes of room from which on poll(2) says writable, at least 1 */
  setLowWater(bytes: number): void {
    this.#lowWater = bytes;
  }

  /** How often nothing more came in time. */
  get underruns(): number {
    return this.#underruns;
  }

  /** The same since this was asked last. */
  takeUnderruns(): number {
    const count = this.#underruns - this.#underrunsTold;
    this.#underrunsTold = this.#underruns;
    return count;
  }

  get volume(): Volume {
    return this.#volume ?? FULL;
  }

  setVolume(volume: Volume): void {
    this.#volume = volume;
    this.#slot.stream?.setVolume(volume);
  }

  /**
   * Until all was heard, also of an output that is held.
   * @throws DeviceError EIO when the sound server fails; EINTR when `signal` aborts
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#throwFailure();
    const generation = this.#slot.generation;
    this.#completeFrame();
    const over = () => this.#failure !== undefined || generation !== this.#slot.generation;
    await this.#until(() => !this.#slot.opening || over(), signal);
    this.#slot.stream?.setCorked(false);
    await this.#until(() => this.#held.length === 0 || over(), signal);
    this.#throwFailure();
    const stream = this.#slot.stream;
    if (stream === undefined || generation !== this.#slot.generation) return;
    stream.setCorked(false);
    this.#draining = true;
    try {
      await unlessAborted(stream.drain(), signal);
      if (generation !== this.#slot.generation) return;
    } catch (error) {
      // RESET from another thread ends a drain, too; so does a server that fails, whose bytes are lost.
      if (generation !== this.#slot.generation) return;
      throw error instanceof DeviceError ? error : new DeviceError("EIO", "the sound server failed", { cause: error });
    } finally {
      this.#draining = false;
      if (!this.#triggered) stream.setCorked(true);
    }
    this.#played = this.#written;
  }

  close(): void {
    this.reset();
  }

  get #capacity(): number {
    return Math.max(this.#geometry.buffer, this.#slot.stream?.bufferSize ?? 0);
  }

  #openStream({ current, lost, patience }: Opening): Promise<PlayStream> {
    const { format, rate, channels } = this.#settings;
    const { fragment, buffer } = this.#geometry;
    const events: PlayEvents = {
      roomChanged: () => {
        if (!current()) return;
        this.#pump();
        this.#wake();
      },
      underrun: () => {
        if (current() && !this.#draining) this.#underruns++;
      },
      failed: lost,
    };
    const volume = this.#volume;
    this.#volumeSent = volume;
    const spec = { format: format.server, rate, channels, fragment, buffer, corked: !this.#triggered, volume };
    return this.#options.openStream(spec, events, patience);
  }

  #opened(stream: PlayStream): void {
    // What was asked for while it opened.
    if (this.#volume !== undefined && this.#volume !== this.#volumeSent) stream.setVolume(this.#volume);
    if (this.#triggered) stream.setCorked(false);
    this.#pump();
    if (this.#posted) stream.trigger();
    this.#posted = false;
    this.#wake();
  }

  #throwFailure(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    this.#failure = undefined;
    throw new DeviceError("EIO", failure.message, { cause: failure });
  }

  #pump(): void {
    const stream = this.#slot.stream;
    if (stream === undefined) return;
    const { frame } = this.#geometry;
    for (;;) {
      const count = Math.floor(Math.min(this.#held.length, stream.room) / frame) * frame;
      if (count === 0) return;
      stream.write(this.#held.take(count));
    }
  }

  /** A partial frame is never heard: what is missing of it is silence. */
  #completeFrame(): void {
    const { frame } = this.#geometry;
    const missing = (frame - this.#inFrame) % frame;
    if (missing === 0) return;
    this.#inFrame = 0;
    this.#held.push(new Uint8Array(missing).fill(silenceOf(this.#settings.format)));
    this.#pump();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
    this.#options.changed();
  }

  /** @throws DeviceError EINTR */
  async #until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    if (condition()) return;
    let look = () => {};
    const met = new Promise<void>((resolve) => {
      look = () => {
        if (condition()) resolve();
      };
    });
    this.#waiting.add(look);
    try {
      await unlessAborted(met, signal);
    } finally {
      this.#waiting.delete(look);
    }
  }
}
