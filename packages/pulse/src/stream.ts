// What playback and record streams share: their place in the server, what the server says of them, timing reports.
// Lifetime: from the server's answer to its creation, to delete(), the server's "killed", or the connection's end.

import type { Connection, Request } from "./connection.ts";
import type { Created, Moved, StreamDevice } from "./creation.ts";
import { PulseError } from "./errors.ts";
import { Reports } from "./reports.ts";
import type { ChannelMap, SampleSpec } from "./sample.ts";
import { momentOf } from "./timing.ts";
import { PA_UPDATE_REPLACE } from "./wire/abi.ts";
import type { Properties, TagReader, TagWriter } from "./wire/tagstruct.ts";

/** What happens to either kind of stream. Called in the order of the server's messages, from none of our own calls. */
export interface StreamListener {
  /** The server moved it to another device: `device` and `buffer` are new. */
  moved?(): void;
  /** The device sleeps, and the stream with it, or is awake again: `suspended` is new. */
  suspended?(): void;
  /** The server changed the sizes of the queue: `buffer` is new. */
  bufferChanged?(): void;
  /** It is no more: "killed" by the server or somebody's mixer program, "closed" with the connection. Not after delete(). */
  ended?(error: PulseError): void;
}

/** The commands of one kind of stream. */
export interface StreamCommands {
  readonly delete: number;
  readonly cork: number;
  readonly flush: number;
  readonly latency: number;
  readonly properties: number;
}

/** What the server's answer to the latency command says, of either kind of stream. */
export interface Report {
  readonly at: number;
  readonly sinkUsec: number;
  readonly sourceUsec: number;
  readonly playing: boolean;
  readonly writeIndex: number;
  readonly readIndex: number;
}

/** What a stream needs of its client. */
export interface StreamHost {
  readonly connection: Connection;
  /** The stream is no more. */
  readonly forget: () => void;
}

/** @template Sizes what the sizes of its queue are */
export abstract class Stream<Sizes> {
  readonly spec: SampleSpec;
  readonly channelMap: ChannelMap;
  /** @internal The server's number for it, on this connection. */
  readonly channel: number;
  protected readonly connection: Connection;
  readonly #forget: () => void;
  readonly #commands: StreamCommands;
  readonly #listener: StreamListener;
  #buffer: Sizes;
  #device: StreamDevice;
  #suspended: boolean;
  #corked: boolean;
  #end: PulseError | undefined;
  readonly #gone = new AbortController();
  /** When timing reports are asked for. */
  protected readonly reports = new Reports(
    () => this.#report(),
    () => !this.#corked && this.moving,
  );

  constructor(host: StreamHost, created: Created<Sizes>, commands: StreamCommands, listener: StreamListener) {
    this.spec = created.spec;
    this.channelMap = created.channelMap;
    this.channel = created.channel;
    this.#buffer = created.buffer;
    this.#device = created.device;
    this.#suspended = created.suspended;
    this.#corked = created.corked;
    this.connection = host.connection;
    this.#forget = host.forget;
    this.#commands = commands;
    this.#listener = listener;
  }

  /** The sizes of its queue, as the server chose them. */
  get buffer(): Sizes {
    return this.#buffer;
  }

  /** Where it plays or records now. */
  get device(): StreamDevice {
    return this.#device;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  /** What cork() and uncork() last asked for. */
  get corked(): boolean {
    return this.#corked;
  }

  /** Why it is no more; undefined while it lives. */
  get end(): PulseError | undefined {
    return this.#end;
  }

  /** Stops the stream and keeps what is in its queue. Resolves when the server has done it. */
  cork(): Promise<void> {
    return this.#setCorked(true);
  }

  uncork(): Promise<void> {
    return this.#setCorked(false);
  }

  /** Changes what is shown of it, such as "media.name"; properties that are not named stay. */
  setProperties(properties: Properties): Promise<void> {
    return this.send(this.#commands.properties, (writer) => writer.u32(PA_UPDATE_REPLACE).proplist(properties));
  }

  /** Ends it at once: what is in its queue is lost. Resolves when the server has done it, or is no more. Idempotent. */
  async delete(): Promise<void> {
    if (this.#end !== undefined) return;
    const deleted = this.send(this.#commands.delete);
    this.#finish(new PulseError("closed", "the stream was deleted"));
    await deleted.catch((error: PulseError) => {
      // The server may have ended it in the meantime, or itself.
      if (error.code !== "noentity" && error.code !== "closed") throw error;
    });
  }

  /** @internal The server's word that it is no more. */
  endedBy(error: PulseError): void {
    if (this.#end !== undefined) return;
    this.#finish(error);
    this.#listener.ended?.(error);
  }

  /** @internal */
  suspendedBy(suspended: boolean): void {
    this.#suspended = suspended;
    this.reports.often();
    this.#listener.suspended?.();
  }

  /** @internal */
  movedBy({ device, suspended, buffer }: Moved<Sizes>): void {
    this.#device = device;
    this.#suspended = suspended;
    this.#buffer = buffer;
    this.reports.often();
    this.#listener.moved?.();
  }

  /** @internal */
  bufferChangedBy(buffer: Sizes): void {
    this.#buffer = buffer;
    this.reports.often();
    this.#listener.bufferChanged?.();
  }

  /**
   * A report is asked for. Returns what is to be done with it; what the kind of stream has behind it in the message is
   * then still to be read.
   */
  protected abstract asking(): (report: Report, rest: TagReader) => void;
  /** Whether time changes anything, so that reports are of use. */
  protected abstract get moving(): boolean;

  /** Aborted when the stream ends. */
  protected get gone(): AbortSignal {
    return this.#gone.signal;
  }

  protected get open(): boolean {
    return this.#end === undefined && this.connection.open;
  }

  /** Sends a command of this stream's that is only acknowledged. */
  protected send(command: number, fields?: (writer: TagWriter) => unknown): Promise<void> {
    return this.request({ command, fields: (writer) => fields?.(writer) });
  }

  /** Sends a command whose first field is this stream. */
  protected async request<T = void>(request: Request<T>): Promise<T> {
    if (this.#end !== undefined) throw this.#end;
    const { fields } = request;
    return this.connection.request<T>({
      ...request,
      fields: (writer) => {
        writer.u32(this.channel);
        fields?.(writer);
      },
    });
  }

  /** Sends the command for other sizes of the queue, which the answer has as they became. */
  protected async sendBuffer(request: Request<Sizes>): Promise<void> {
    this.#buffer = await this.request(request);
    this.reports.often();
  }

  /** Discards what is in the queue. */
  protected sendFlush(): Promise<void> {
    return this.#then(this.send(this.#commands.flush));
  }

  #setCorked(corked: boolean): Promise<void> {
    this.#corked = corked;
    return this.hold(corked);
  }

  /** Stops or starts it, whatever cork() and uncork() asked for. */
  protected hold(held: boolean): Promise<void> {
    return this.#then(this.send(this.#commands.cork, (writer) => writer.bool(held)));
  }

  /** Something was sent after which the stream may move or stand. */
  #then(sent: Promise<void>): Promise<void> {
    this.reports.often();
    return sent;
  }

  async #report(): Promise<void> {
    const reported = this.asking();
    const asked = performance.now();
    const wall = Math.floor((performance.timeOrigin + asked) * 1000);
    await this.request({
      command: this.#commands.latency,
      fields: (writer) => writer.timeval(wall),
      answer: (reader) => {
        const sinkUsec = reader.usec();
        const sourceUsec = reader.usec();
        const playing = reader.bool();
        reader.timeval();
        const at = momentOf(asked, performance.now(), reader.timeval() - wall);
        const writeIndex = Number(reader.s64());
        const readIndex = Number(reader.s64());
        reported({ at, sinkUsec, sourceUsec, playing, writeIndex, readIndex }, reader);
      },
    });
  }

  #finish(error: PulseError): void {
    this.#end = error;
    this.#gone.abort();
    this.reports.stop();
    this.#forget();
  }
}
