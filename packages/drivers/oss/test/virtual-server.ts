// A sound server whose time stands still until a test moves it: what is heard, and when, is exact.
// Objects: one VirtualServer a test; it is its own source, server and backend.

import {
  type Backend,
  BackendError,
  type BackendSource,
  type MixerControl,
  type PlayEvents,
  type PlayStream,
  type RecordEvents,
  type RecordStream,
  type SoundServer,
  type StreamSpec,
  type Volume,
} from "../src/backend/backend.ts";

const BYTES = { u8: 1, alaw: 1, ulaw: 1, s16le: 2, s16be: 2, s24le: 3, s24be: 3 } as const;

function frameOf({ format, channels }: StreamSpec): number {
  return (format in BYTES ? BYTES[format as keyof typeof BYTES] : 4) * channels;
}

export class VirtualServer implements BackendSource, SoundServer, Backend {
  readonly name = "virtual";
  readonly playing: VirtualPlayStream[] = [];
  readonly recording: VirtualRecordStream[] = [];
  readonly levels: Record<MixerControl, Volume> = { output: { left: 80, right: 80 }, input: { left: 50, right: 50 } };
  /** Bytes that it holds at least, whatever is asked for. */
  leastBuffer = 0;
  /** Answers to openings wait until then. */
  opens: Promise<void> = Promise.resolve();
  /** So many streams end in the moment in which they are opened. */
  stillborn = 0;
  #alive = true;

  serverFor(): SoundServer {
    return this;
  }

  async backend(): Promise<Backend> {
    if (!this.#alive) throw new BackendError("the server is not there");
    return this;
  }

  async openPlay(spec: StreamSpec, events: PlayEvents): Promise<PlayStream> {
    await this.opens;
    if (!this.#alive) throw new BackendError("the server is not there");
    const stream = new VirtualPlayStream(spec, events, Math.max(spec.buffer, this.leastBuffer));
    this.playing.push(stream);
    if (this.stillborn-- > 0) stream.fail(new BackendError("the stream was ended"));
    return stream;
  }

  async openRecord(spec: StreamSpec, events: RecordEvents): Promise<RecordStream> {
    await this.opens;
    if (!this.#alive) throw new BackendError("the server is not there");
    const stream = new VirtualRecordStream(spec, events);
    this.recording.push(stream);
    return stream;
  }

  async volume(control: MixerControl): Promise<Volume> {
    return this.levels[control];
  }

  async setVolume(control: MixerControl, volume: Volume): Promise<void> {
    this.levels[control] = volume;
  }

  /** All that was heard, of all streams, in the order in which they were opened. */
  get heard(): number[] {
    return this.playing.flatMap(({ heard }) => heard);
  }

  /** The stream that was opened last. */
  get stream(): VirtualPlayStream {
    const stream = this.playing.at(-1);
    if (stream === undefined) throw new BackendError("nothing plays");
    return stream;
  }

  /** Time goes by. */
  advance(ms: number): void {
    for (const stream of this.playing) stream.advance(ms);
  }

  /** It ends, with all that it holds. */
  die(): void {
    this.#alive = false;
    for (const stream of [...this.playing, ...this.recording]) stream.fail(new BackendError("the server is gone"));
  }

  revive(): void {
    this.#alive = true;
  }

  release(): void {}

  close(): void {}
}

export class VirtualPlayStream implements PlayStream {
  readonly spec: StreamSpec;
  readonly bufferSize: number;
  readonly heard: number[] = [];
  volume: Volume | undefined;
  closed = false;
  readonly #events: PlayEvents;
  #held: number[] = [];
  /** Room that was not told of: the server asks in steps of a fragment. */
  #unasked = 0;
  #corked: boolean;
  #started = false;
  #drained: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(spec: StreamSpec, events: PlayEvents, bufferSize: number) {
    this.spec = spec;
    this.volume = spec.volume;
    this.bufferSize = bufferSize;
    this.#events = events;
    this.#corked = spec.corked;
  }

  get room(): number {
    return this.bufferSize - this.#held.length - this.#unasked;
  }

  write(data: Uint8Array): void {
    if (data.length > this.room) throw new BackendError(`${data.length} bytes are more than there is room for`);
    if (data.length % frameOf(this.spec) !== 0) throw new BackendError("these are no whole frames");
    this.#held.push(...data);
    if (this.#held.length >= this.spec.fragment) this.#started = true;
  }

  delay(): number {
    return this.#held.length;
  }

  setCorked(corked: boolean): void {
    this.#corked = corked;
  }

  trigger(): void {
    this.#started = true;
  }

  drain(): Promise<void> {
    this.#started = true;
    return new Promise((resolve, reject) => {
      this.#drained.push({ resolve, reject });
      this.#settle();
    });
  }

  setVolume(volume: Volume): void {
    this.volume = volume;
  }

  close(): void {
    this.closed = true;
    this.#end(new BackendError("it was closed"));
  }

  fail(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#end(error);
    this.#events.failed(error);
  }

  advance(ms: number): void {
    if (this.closed || this.#corked || !this.#started) return;
    const frame = frameOf(this.spec);
    const played = this.#held.splice(0, Math.floor((ms * this.spec.rate) / 1000) * frame);
    this.heard.push(...played);
    this.#unasked += played.length;
    if (this.#held.length === 0) {
      this.#started = false;
      this.#events.underrun();
    }
    if (this.#unasked >= this.spec.fragment || this.#held.length === 0) {
      this.#unasked = 0;
      this.#events.roomChanged();
    }
    this.#settle();
  }

  #settle(): void {
    if (this.#held.length === 0) for (const { resolve } of this.#drained.splice(0)) resolve();
  }

  #end(error: Error): void {
    this.#held = [];
    for (const { reject } of this.#drained.splice(0)) reject(error);
  }
}

export class VirtualRecordStream implements RecordStream {
  readonly spec: StreamSpec;
  volume: Volume | undefined;
  closed = false;
  readonly #events: RecordEvents;

  constructor(spec: StreamSpec, events: RecordEvents) {
    this.spec = spec;
    this.volume = spec.volume;
    this.#events = events;
  }

  /** What it hears. */
  hear(...bytes: number[]): void {
    if (!this.closed) this.#events.data(Uint8Array.from(bytes));
  }

  fail(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#events.failed(error);
  }

  setVolume(volume: Volume): void {
    this.volume = volume;
  }

  close(): void {
    this.closed = true;
  }
}
