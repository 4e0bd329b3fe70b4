// The seam between the driver and a sound server. A backend is one connection to a server, on behalf of one user; what
// it opens are streams of whole frames. The driver knows no server, a backend knows nothing of OSS.
// Lifetimes: a Backend from its opening to its failure or close(); a stream within its backend's.

import type { Caller } from "@devlift/core";

/** Sample formats that sound servers know; the driver makes OSS's others of these. Interleaved frames. */
export type SampleFormat =
  | "u8"
  | "alaw"
  | "ulaw"
  | "s16le"
  | "s16be"
  | "s24le"
  | "s24be"
  | "s24_32le"
  | "s24_32be"
  | "s32le"
  | "s32be"
  | "float32le"
  | "float32be";

export interface StreamSpec {
  readonly format: SampleFormat;
  /** Frames a second. */
  readonly rate: number;
  readonly channels: number;
  /** Bytes, whole frames: playing starts when so much is there, and the server asks for more in such steps. */
  readonly fragment: number;
  /** Bytes, whole frames: what the server shall hold. It may make it more. */
  readonly buffer: number;
  /** It begins held: nothing plays until setCorked(false). */
  readonly corked: boolean;
  /** Undefined: the server's default for this program. */
  readonly volume?: Volume | undefined;
  /** The program whose stream it is, for a person. */
  readonly program: Program;
}

export interface Program {
  /** What it calls itself: printable, and no ground for trust. */
  readonly name: string;
  readonly pid: number;
}

/** A level of each side, 0 (silent) to 100 (the server's norm). */
export interface Volume {
  readonly left: number;
  readonly right: number;
}

/** The server's norm. */
export const FULL: Volume = { left: 100, right: 100 };

export interface PlayEvents {
  /** `room` has grown. */
  roomChanged(): void;
  /** All was played, and nothing more came in time. */
  underrun(): void;
  /** The stream has ended by itself, with all that it held: its server is gone, or somebody ended it. Once; then nothing more. */
  failed(error: Error): void;
}

/** A stream that plays. None of its calls waits, and none throws after failed(). */
export interface PlayStream {
  /** Bytes that the server holds when it is full. */
  readonly bufferSize: number;
  /** Bytes that write() takes now, 0 to bufferSize. */
  readonly room: number;
  /** @param data whole frames, at most `room`; the stream's from now on */
  write(data: Uint8Array): void;
  /** Bytes written that nobody has heard yet, now, between two reports of the server by the clock. 0 when it is silent. */
  delay(): number;
  /** Holds what is there, or lets it play. */
  setCorked(corked: boolean): void;
  /** Plays what is there though it is less than a fragment. */
  trigger(): void;
  /** Resolves when all that was written was heard. @throws what failed() gets */
  drain(): Promise<void>;
  setVolume(volume: Volume): void;
  /** Ends it at once, with what it holds. Idempotent. */
  close(): void;
}

export interface RecordEvents {
  /** Whole frames, in order, each once. The receiver's. */
  data(bytes: Uint8Array): void;
  failed(error: Error): void;
}

/** A stream that records, from its opening on. */
export interface RecordStream {
  setVolume(volume: Volume): void;
  close(): void;
}

/** What a mixer program sees: "output" is what is heard of all programs, "input" what is recorded. */
export type MixerControl = "output" | "input";

export interface Backend {
  /** The server, for a person. */
  readonly name: string;
  /** @throws BackendError */
  openPlay(spec: StreamSpec, events: PlayEvents): Promise<PlayStream>;
  /** @throws BackendError */
  openRecord(spec: StreamSpec, events: RecordEvents): Promise<RecordStream>;
  /** As last heard of: changes made elsewhere are seen. undefined: there is none */
  volume(control: MixerControl): Promise<Volume | undefined>;
  /** @throws BackendError */
  setVolume(control: MixerControl, volume: Volume): Promise<void>;
  /** Ends its streams. Idempotent. */
  close(): void;
}

/** A server that streams can be opened on, whether it runs now or not. */
export interface SoundServer {
  /** For a person. */
  readonly name: string;
  /**
   * The connection to it: the same one again while it lives, a new one when it failed.
   * @throws BackendError when nobody answers there
   */
  backend(): Promise<Backend>;
  /** Whoever got it from serverFor() needs it no more: its streams are closed. Once. */
  release(): void;
}

/** A server of one user's, before it is known how many use it. */
export interface UserServer extends Omit<SoundServer, "release"> {
  /** Ends the connection to it, if there is one. */
  close(): void;
}

/** Who knows which server is whose. */
export interface BackendSource {
  /** What it is, for a person. */
  readonly name: string;
  /** The server of a user's program. Asked while the program waits in open(2). @throws BackendError when it has none */
  serverFor(caller: Caller): SoundServer | Promise<SoundServer>;
  /** Ends all connections. */
  close(): void;
}

/** A sound server cannot do it: it is not there, refuses, or has ended. */
export class BackendError extends Error {
  override readonly name = "BackendError";
  /** It is there and does not answer, so that trying again makes somebody wait in vain. */
  readonly hangs: boolean;

  constructor(message: string, { hangs = false, cause }: { readonly hangs?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause });
    this.hangs = hangs;
  }
}
