// A client of one sound server. Lifetime: connect() to close(), or the server's end, which `closed` tells; it does not
// come back by itself. Its streams end with it.

import type { Connection } from "./connection.ts";
import { abortedBy, dial, greet } from "./dial.ts";
import {
  type DeviceInfo,
  type Facility,
  readAll,
  readDeviceInfo,
  readServerInfo,
  readSinkInputInfo,
  readSourceOutputInfo,
  type ServerInfo,
  type StreamInfo,
  subscriptionMask,
} from "./introspect.ts";
import { parseServers, readCookie, serverAddresses } from "./locate.ts";
import { type PlaybackListener, type PlaybackOptions, PlaybackStream, writePlaybackOptions } from "./playback.ts";
import { type Reach, reachAnything, reachFor } from "./reach.ts";
import { type RecordListener, type RecordOptions, RecordStream, writeRecordOptions } from "./record.ts";
import { type ClientListener, Router } from "./router.ts";
import type { StreamHost } from "./stream.ts";
import { PA_COMMAND, PA_INVALID_INDEX } from "./wire/abi.ts";
import type { Properties, TagReader, TagWriter, Volumes } from "./wire/tagstruct.ts";

const TIMEOUT_MS = 5000;

export interface ConnectOptions {
  /** Shown of this program; "application.name" is what mixers call it. */
  readonly clientProperties: Properties;
  /** A server, as PULSE_SERVER would name it; default: what `environment` says. */
  readonly server?: string;
  /** A file with the cookie; default: what `environment` says. */
  readonly cookie?: string;
  /** The environment of the program that it is for: PULSE_SERVER, PULSE_COOKIE, XDG_RUNTIME_DIR, HOME. Default: ours. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whose program that is; default: our own user. What the environment names has to be that user's. */
  readonly uid?: number;
  /** How sockets and files that `environment` names are reached. Default: as ourselves, where they are that user's own */
  readonly reach?: Reach;
  /** For the whole of connect(), and later for each command: the time for its answer. Milliseconds, default 5000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A sink or source: by index, by name, or the default one. */
export type DeviceName = number | string | undefined;

/**
 * @throws PulseError as a rejection: "refused" when there is no server, "access" when it does not let us in, "timeout",
 * "aborted", "version", "invalidserver", "authkey"
 */
export async function connect(options: ConnectOptions, listener: ClientListener = {}): Promise<PulseClient> {
  const { environment = process.env, uid = process.geteuid?.() ?? 0, timeoutMs = TIMEOUT_MS, server } = options;
  const user = { environment, uid };
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  const addresses = server === undefined ? await serverAddresses(user) : parseServers(server, undefined);
  const { reach = reachFor(uid) } = options;
  const cookie = await readCookie(user, options.cookie, { reach, signal }).catch((error: unknown) => {
    throw signal.aborted ? abortedBy(signal, "reading the cookie") : error;
  });
  // The server that an option names is trusted as the option is.
  const socket = await dial(addresses, server === undefined ? reach : reachAnything, signal);
  const router = new Router(listener);
  const greeting = { cookie, properties: options.clientProperties, timeoutMs };
  const { connection, index } = await greet(socket, greeting, router, signal);
  router.greeted();
  return new PulseClient(connection, index, router);
}

export class PulseClient {
  /** Our own index among the server's clients. */
  readonly index: number;
  readonly #connection: Connection;
  readonly #router: Router;
  #streams = 0;

  /** @internal Use connect(). */
  constructor(connection: Connection, index: number, router: Router) {
    this.#connection = connection;
    this.index = index;
    this.#router = router;
  }

  /** False once the server is gone, or close() was called. */
  get open(): boolean {
    return this.#connection.open;
  }

  /**
   * Ends the connection and its streams, which are told, at once. What was not played yet is lost: drain() first.
   * Idempotent.
   */
  close(): void {
    this.#connection.close();
  }

  /** Makes a stream. @throws PulseError as a rejection: "invalid", "noentity" when the device is not there, "timeout"... */
  playback(options: PlaybackOptions, listener: PlaybackListener = {}): Promise<PlaybackStream> {
    return this.#connection.request({
      command: PA_COMMAND.CREATE_PLAYBACK_STREAM,
      // Streams of the same group would start and stop together: each has its own.
      fields: (writer) => writePlaybackOptions(writer, options, this.#streams++),
      answer: (reader) => {
        const host = this.#host(() => this.#router.playback.delete(stream.channel));
        const stream: PlaybackStream = new PlaybackStream(host, options, listener, reader);
        this.#router.playback.set(stream.channel, stream);
        return stream;
      },
    });
  }

  /** Makes a stream. @throws PulseError as a rejection: "invalid", "noentity" when the device is not there, "timeout"... */
  record(options: RecordOptions, listener: RecordListener = {}): Promise<RecordStream> {
    return this.#connection.request({
      command: PA_COMMAND.CREATE_RECORD_STREAM,
      fields: (writer) => writeRecordOptions(writer, options),
      answer: (reader) => {
        const host = this.#host(() => this.#router.record.delete(stream.channel));
        const stream: RecordStream = new RecordStream(host, options, listener, reader);
        this.#router.record.set(stream.channel, stream);
        return stream;
      },
    });
  }

  serverInfo(): Promise<ServerInfo> {
    return this.#connection.request({ command: PA_COMMAND.GET_SERVER_INFO, answer: readServerInfo });
  }

  sinks(): Promise<DeviceInfo[]> {
    return this.#list(PA_COMMAND.GET_SINK_INFO_LIST, readDeviceInfo);
  }

  sources(): Promise<DeviceInfo[]> {
    return this.#list(PA_COMMAND.GET_SOURCE_INFO_LIST, readDeviceInfo);
  }

  sinkInputs(): Promise<StreamInfo[]> {
    return this.#list(PA_COMMAND.GET_SINK_INPUT_INFO_LIST, readSinkInputInfo);
  }

  sourceOutputs(): Promise<StreamInfo[]> {
    return this.#list(PA_COMMAND.GET_SOURCE_OUTPUT_INFO_LIST, readSourceOutputInfo);
  }

  /** @throws PulseError("noentity") as a rejection when it is not there; so do the others that take a device or an index */
  sink(sink?: DeviceName): Promise<DeviceInfo> {
    return this.#send(PA_COMMAND.GET_SINK_INFO, device(sink, "@DEFAULT_SINK@"), readDeviceInfo);
  }

  source(source?: DeviceName): Promise<DeviceInfo> {
    return this.#send(PA_COMMAND.GET_SOURCE_INFO, device(source, "@DEFAULT_SOURCE@"), readDeviceInfo);
  }

  sinkInput(index: number): Promise<StreamInfo> {
    return this.#send(PA_COMMAND.GET_SINK_INPUT_INFO, (writer) => writer.u32(index), readSinkInputInfo);
  }

  sourceOutput(index: number): Promise<StreamInfo> {
    return this.#send(PA_COMMAND.GET_SOURCE_OUTPUT_INFO, (writer) => writer.u32(index), readSourceOutputInfo);
  }

  /**
   * Of this, as of all that set volumes: VOLUME_NORM is 100 %.
   *
   * @param volumes one for each channel; or one, which the loudest channel gets, and the others in proportion
   */
  setSinkVolume(volumes: Volumes, sink?: DeviceName): Promise<void> {
    const name = device(sink, "@DEFAULT_SINK@");
    return this.#send(PA_COMMAND.SET_SINK_VOLUME, (writer) => name(writer).cvolume(volumes));
  }

  setSourceVolume(volumes: Volumes, source?: DeviceName): Promise<void> {
    const name = device(source, "@DEFAULT_SOURCE@");
    return this.#send(PA_COMMAND.SET_SOURCE_VOLUME, (writer) => name(writer).cvolume(volumes));
  }

  setSinkInputVolume(index: number, volumes: Volumes): Promise<void> {
    return this.#send(PA_COMMAND.SET_SINK_INPUT_VOLUME, (writer) => writer.u32(index).cvolume(volumes));
  }

  setSourceOutputVolume(index: number, volumes: Volumes): Promise<void> {
    return this.#send(PA_COMMAND.SET_SOURCE_OUTPUT_VOLUME, (writer) => writer.u32(index).cvolume(volumes));
  }

  setSinkMuted(muted: boolean, sink?: DeviceName): Promise<void> {
    const name = device(sink, "@DEFAULT_SINK@");
    return this.#send(PA_COMMAND.SET_SINK_MUTE, (writer) => name(writer).bool(muted));
  }

  setSourceMuted(muted: boolean, source?: DeviceName): Promise<void> {
    const name = device(source, "@DEFAULT_SOURCE@");
    return this.#send(PA_COMMAND.SET_SOURCE_MUTE, (writer) => name(writer).bool(muted));
  }

  setSinkInputMuted(index: number, muted: boolean): Promise<void> {
    return this.#send(PA_COMMAND.SET_SINK_INPUT_MUTE, (writer) => writer.u32(index).bool(muted));
  }

  setSourceOutputMuted(index: number, muted: boolean): Promise<void> {
    return this.#send(PA_COMMAND.SET_SOURCE_OUTPUT_MUTE, (writer) => writer.u32(index).bool(muted));
  }

  /** From now on the listener's changed() hears of these, and of no others. */
  subscribe(facilities: readonly Exclude<Facility, "other">[]): Promise<void> {
    return this.#send(PA_COMMAND.SUBSCRIBE, (writer) => writer.u32(subscriptionMask(facilities)));
  }

  #host(forget: () => void): StreamHost {
    return { connection: this.#connection, forget };
  }

  #list<T>(command: number, read: (reader: TagReader) => T): Promise<T[]> {
    return this.#connection.request({ command, answer: readAll(read) });
  }

  #send<T = void>(
    command: number,
    fields: (writer: TagWriter) => unknown,
    answer?: (reader: TagReader) => T,
  ): Promise<T> {
    return this.#connection.request<T>({ command, fields, ...(answer && { answer }) });
  }
}

/** Writes which sink or source is meant: an index, or a name with no index. */
function device(name: DeviceName, standard: string): (writer: TagWriter) => TagWriter {
  return (writer) =>
    typeof name === "number" ? writer.u32(name).string(null) : writer.u32(PA_INVALID_INDEX).string(name ?? standard);
}
