// The seam over @devlift/pulse: PulseAudio's native protocol, which PipeWire speaks, too.
// Lifetimes: a PulseServer while a program of its user's has it; its client from the first use to the server's end, then anew.

import {
  connect,
  type PlaybackStream,
  type PulseClient,
  PulseError,
  type RecordStream as PulseRecordStream,
} from "@devlift/pulse";
import {
  type Backend,
  BackendError,
  type MixerControl,
  type PlayEvents,
  type PlayStream,
  type Program,
  type RecordEvents,
  type RecordStream,
  type StreamSpec,
  type UserServer,
  type Volume,
} from "./backend.ts";
import { volumeOf, volumesFor } from "./pulse-volume.ts";
import { reachAs, type User } from "./user.ts";

/**
 * Milliseconds without an answer after which a server counts as hanging. A stream asks at least twice a second, so that a
 * program has its error within two seconds.
 */
const TIMEOUT_MS = 1200;

export interface PulseServerOptions {
  /** As PULSE_SERVER would name it; undefined: what the user's environment says. */
  readonly server: string | undefined;
  /** A file; undefined: what the user's environment says. */
  readonly cookie: string | undefined;
  readonly user: User;
}

export class PulseServer implements UserServer {
  readonly name: string;
  readonly #options: PulseServerOptions;
  #backend: Promise<PulseBackend> | undefined;

  constructor(options: PulseServerOptions) {
    this.#options = options;
    this.name = options.server ?? `the sound server of user ${options.user.uid}`;
  }

  close(): void {
    const backend = this.#backend;
    this.#backend = undefined;
    backend?.then(
      (opened) => opened.close(),
      () => undefined,
    );
  }

  backend(): Promise<Backend> {
    if (this.#backend === undefined) {
      const opening = this.#connect();
      this.#backend = opening;
      opening.catch(() => this.#forget(opening));
    }
    return this.#backend;
  }

  #forget(backend: Promise<PulseBackend>): void {
    if (this.#backend === backend) this.#backend = undefined;
  }

  async #connect(): Promise<PulseBackend> {
    const opening = () => this.#backend;
    let backend: PulseBackend | undefined;
    let mine: Promise<PulseBackend> | undefined;
    const ended = (error: BackendError) => {
      if (mine !== undefined) this.#forget(mine);
      backend?.end(error);
    };
    const client = await this.#dial(ended);
    mine = opening();
    backend = new PulseBackend(this.name, client, () => this.#dial(ended));
    return backend;
  }

  /** @param ended the server has gone, or hangs @throws BackendError */
  async #dial(ended: (error: BackendError) => void): Promise<PulseClient> {
    const { server, cookie, user } = this.#options;
    const reach = reachAs(user);
    try {
      return await connect(
        {
          clientProperties: { "application.name": "devlift-oss", "application.icon_name": "audio-card" },
          ...(server === undefined ? {} : { server }),
          ...(cookie === undefined ? {} : { cookie }),
          environment: user.environment,
          uid: user.uid,
          ...(reach === undefined ? {} : { reach }),
          timeoutMs: TIMEOUT_MS,
        },
        {
          closed: (error) => ended(new BackendError(`${this.name} has ended: ${error.message}`, { cause: error })),
          unresponsive: () => ended(new BackendError(`${this.name} does not answer`, { hangs: true })),
        },
      );
    } catch (error) {
      throw asBackendError(error);
    }
  }
}

class PulseBackend implements Backend {
  readonly name: string;
  readonly #client: PulseClient;
  readonly #another: () => Promise<PulseClient>;
  /** Those of the streams that record. */
  readonly #others = new Set<PulseClient>();
  /** Why it has ended, where the client does not tell it. */
  #end: BackendError | undefined;

  /** @param another connects once more, to the same server */
  constructor(name: string, client: PulseClient, another: () => Promise<PulseClient>) {
    this.name = name;
    this.#client = client;
    this.#another = another;
  }

  /** It has ended, or hangs; its streams fail. */
  end(error: BackendError): void {
    this.#end ??= error;
    this.close();
  }

  close(): void {
    this.#client.close();
    for (const client of this.#others) client.close();
    this.#others.clear();
  }

  async openPlay(spec: StreamSpec, events: PlayEvents): Promise<PlayStream> {
    const { format, rate, channels, fragment, buffer, corked, volume, program } = spec;
    const sampleSpec = { format, rate, channels };
    try {
      const stream = await this.#client.playback(
        {
          spec: sampleSpec,
          buffer: { tlength: buffer, minreq: fragment, prebuf: fragment },
          // The device wakes up for each fragment, as a sound card does.
          latencyMode: "fragments",
          corked,
          properties: propertiesOf(program),
          ...(volume === undefined ? {} : { volume: volumesFor(volume, channels) }),
        },
        {
          writable: () => events.roomChanged(),
          underflow: () => events.underrun(),
          bufferChanged: () => events.roomChanged(),
          moved: () => events.roomChanged(),
          ended: (error) => events.failed(this.#end ?? asBackendError(error)),
        },
      );
      return new PulsePlayStream(this.#client, stream);
    } catch (error) {
      throw this.#end ?? asBackendError(error);
    }
  }

  /**
   * On a connection of its own: PipeWire sends nothing of what is recorded while anything else waits to be sent on the same
   * connection, so that of two streams one is all but silent (module-protocol-pulse/pulse-server.c, do_process_done()).
   */
  async openRecord(spec: StreamSpec, events: RecordEvents): Promise<RecordStream> {
    const client = await this.#another();
    this.#others.add(client);
    const close = () => {
      this.#others.delete(client);
      client.close();
    };
    if (!this.#client.open) close();
    const { format, rate, channels, fragment, buffer, volume, program } = spec;
    // The first bytes can come in one message with the answer, before anybody has the stream.
    let opened: PulseRecordStream | undefined;
    const readable = () => {
      if (opened !== undefined && opened.available > 0) events.data(opened.read(opened.available));
    };
    try {
      const stream = await client.record(
        {
          spec: { format, rate, channels },
          buffer: { maxlength: 2 * buffer, fragsize: fragment },
          latencyMode: "fragments",
          properties: propertiesOf(program),
          ...(volume === undefined ? {} : { volume: volumesFor(volume, channels) }),
        },
        {
          readable,
          ended: (error) => {
            close();
            events.failed(this.#end ?? asBackendError(error));
          },
        },
      );
      opened = stream;
      readable();
      const setVolume = (wanted: Volume) =>
        done(client.setSourceOutputVolume(stream.sourceOutput, volumesFor(wanted, stream.channelMap)));
      // PipeWire 0.3.65 takes no notice of the one that a stream which records is made with.
      if (volume !== undefined) setVolume(volume);
      return { setVolume, close };
    } catch (error) {
      close();
      throw this.#end ?? asBackendError(error);
    }
  }

  async volume(control: MixerControl): Promise<Volume | undefined> {
    try {
      const { volume, channelMap } = await (control === "output" ? this.#client.sink() : this.#client.source());
      return volumeOf(volume, channelMap);
    } catch (error) {
      throw asBackendError(error);
    }
  }

  async setVolume(control: MixerControl, volume: Volume): Promise<void> {
    const client = this.#client;
    try {
      if (control === "output") {
        const { index, channelMap } = await client.sink();
        await client.setSinkVolume(volumesFor(volume, channelMap), index);
      } else {
        const { index, channelMap } = await client.source();
        await client.setSourceVolume(volumesFor(volume, channelMap), index);
      }
    } catch (error) {
      throw asBackendError(error);
    }
  }
}

class PulsePlayStream implements PlayStream {
  readonly #client: PulseClient;
  readonly #stream: PlaybackStream;
  #draining: Promise<void> | undefined;

  constructor(client: PulseClient, stream: PlaybackStream) {
    this.#client = client;
    this.#stream = stream;
  }

  get bufferSize(): number {
    return this.#stream.buffer.tlength;
  }

  get room(): number {
    return Math.min(this.#stream.writable, this.bufferSize);
  }

  write(data: Uint8Array): void {
    this.#stream.write(data);
  }

  delay(): number {
    return this.#stream.latency().delay;
  }

  setCorked(corked: boolean): void {
    if (corked !== this.#stream.corked) done(corked ? this.#stream.cork() : this.#stream.uncork());
  }

  trigger(): void {
    done(this.#stream.trigger());
  }

  drain(): Promise<void> {
    // The server knows one drain of a stream at a time; one that was given up on goes on.
    this.#draining ??= this.#stream.drain().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  setVolume(volume: Volume): void {
    const { sinkInput, channelMap } = this.#stream;
    done(this.#client.setSinkInputVolume(sinkInput, volumesFor(volume, channelMap)));
  }

  close(): void {
    done(this.#stream.delete());
  }
}

/** What becomes of a command is seen by what becomes of the stream. */
function done(command: Promise<void>): void {
  command.catch(() => undefined);
}

function propertiesOf({ name, pid }: Program) {
  return {
    "application.name": name,
    "application.process.id": String(pid),
    "application.process.binary": name,
    // No role: servers remember one level for all streams of a role.
    "media.name": "OSS",
  };
}

function asBackendError(error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  const hangs = error instanceof PulseError && error.code === "timeout";
  return new BackendError(error instanceof Error ? error.message : String(error), { hangs, cause: error });
}
