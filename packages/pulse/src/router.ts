// Which stream a message of the server's is for. Lifetime: a connection's.

import type { ConnectionListener } from "./connection.ts";
import { PulseError } from "./errors.ts";
import { readServerEvent, type ServerEvent } from "./introspect.ts";
import type { PlaybackStream } from "./playback.ts";
import type { RecordStream } from "./record.ts";
import { PA_COMMAND } from "./wire/abi.ts";
import type { TagReader } from "./wire/tagstruct.ts";

/** What happens to a client. Called in the order of the server's messages. */
export interface ClientListener {
  /** Of what subscribe() asked for. */
  changed?(event: ServerEvent): void;
  /** A command was not answered in time: the server hangs. Said once until it answers again. The connection stays. */
  unresponsive?(): void;
  /** The server is gone, or broke the protocol. Not after close(). The streams have ended before. */
  closed?(error: PulseError): void;
}

export class Router implements ConnectionListener {
  /** By the server's number for it; playback and record streams are numbered apart. */
  readonly playback = new Map<number, PlaybackStream>();
  readonly record = new Map<number, RecordStream>();
  readonly #listener: ClientListener;
  #greeted = false;

  constructor(listener: ClientListener) {
    this.#listener = listener;
  }

  /** From now on the listener hears of the end; before, connect() is rejected with it. */
  greeted(): void {
    this.#greeted = true;
  }

  command(command: number, reader: TagReader): void {
    const playback = PLAYBACK.get(command);
    const record = RECORD.get(command);
    // A stream may have ended here while the message was on its way. What we do not know is not for us: events for
    // music players, and whatever later servers say.
    if (command === PA_COMMAND.SUBSCRIBE_EVENT) this.#listener.changed?.(readServerEvent(reader));
    else if (playback !== undefined) this.#tell(this.playback, playback, reader);
    else if (record !== undefined) this.#tell(this.record, record, reader);
  }

  block(channel: number, samples: Buffer): void {
    this.record.get(channel)?.samples(samples);
  }

  drained(): void {
    for (const stream of this.playback.values()) stream.drained();
  }

  unresponsive(): void {
    this.#listener.unresponsive?.();
  }

  closed(error: PulseError | undefined): void {
    const end = error ?? new PulseError("closed", "the connection to the sound server was closed");
    for (const stream of [...this.playback.values(), ...this.record.values()]) stream.endedBy(end);
    if (error !== undefined && this.#greeted) this.#listener.closed?.(error);
  }

  #tell<S>(streams: ReadonlyMap<number, S>, message: (stream: S, reader: TagReader) => void, reader: TagReader): void {
    const stream = streams.get(reader.u32());
    if (stream === undefined) return;
    message(stream, reader);
    reader.end();
  }
}

type Messages<S> = ReadonlyMap<number, (stream: S, reader: TagReader) => void>;

const killed = (): PulseError => new PulseError("killed", "the sound server ended the stream");

/** What the server says of a playback stream; each reads all that the message has. */
const PLAYBACK: Messages<PlaybackStream> = new Map([
  [PA_COMMAND.REQUEST, (stream, reader) => stream.requested(reader.u32())],
  [PA_COMMAND.STARTED, (stream) => stream.startedBy()],
  [PA_COMMAND.UNDERFLOW, (stream, reader) => stream.underflowed(reader.s64())],
  [PA_COMMAND.OVERFLOW, (stream) => stream.overflowed()],
  [PA_COMMAND.PLAYBACK_STREAM_KILLED, (stream) => stream.endedBy(killed())],
  [PA_COMMAND.PLAYBACK_STREAM_SUSPENDED, (stream, reader) => stream.suspendedBy(reader.bool())],
  [PA_COMMAND.PLAYBACK_STREAM_MOVED, (stream, reader) => stream.movedBy(reader)],
  [PA_COMMAND.PLAYBACK_BUFFER_ATTR_CHANGED, (stream, reader) => stream.bufferChangedBy(reader)],
]);

const RECORD: Messages<RecordStream> = new Map([
  [PA_COMMAND.RECORD_STREAM_KILLED, (stream) => stream.endedBy(killed())],
  [PA_COMMAND.RECORD_STREAM_SUSPENDED, (stream, reader) => stream.suspendedBy(reader.bool())],
  [PA_COMMAND.RECORD_STREAM_MOVED, (stream, reader) => stream.movedBy(reader)],
  [PA_COMMAND.RECORD_BUFFER_ATTR_CHANGED, (stream, reader) => stream.bufferChangedBy(reader)],
]);
