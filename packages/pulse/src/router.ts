// Which stream a message of the server's is for. Lifetime: a connection's.

import { readNewPlaybackBuffer, readNewRecordBuffer } from "./buffer.ts";
import type { ConnectionListener } from "./connection.ts";
import { readMoved } from "./creation.ts";
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

  #tell<S>(streams: ReadonlyMap<number, S>, message: Message<S>, reader: TagReader): void {
    const stream = streams.get(reader.u32());
    if (stream !== undefined) message(stream, reader);
  }
}

type Message<S> = (stream: S, reader: TagReader) => void;

/** A message of the server's to a stream: all of it is read before anything is done. */
function message<S, T>(read: (reader: TagReader) => T, act: (stream: S, value: T) => void): Message<S> {
  return (stream, reader) => {
    const value = read(reader);
    reader.end();
    act(stream, value);
  };
}

const nothing = (): undefined => undefined;
const flag = (reader: TagReader): boolean => reader.bool();
const killed = (): PulseError => new PulseError("killed", "the sound server ended the stream");
const movedPlayback = readMoved(readNewPlaybackBuffer);
const movedRecord = readMoved(readNewRecordBuffer);

const PLAYBACK: ReadonlyMap<number, Message<PlaybackStream>> = new Map([
  [
    PA_COMMAND.REQUEST,
    message(
      (reader) => reader.u32(),
      (stream, bytes) => stream.requested(bytes),
    ),
  ],
  [PA_COMMAND.STARTED, message(nothing, (stream) => stream.startedBy())],
  [
    PA_COMMAND.UNDERFLOW,
    message(
      (reader) => reader.s64(),
      (stream, index) => stream.underflowed(index),
    ),
  ],
  [PA_COMMAND.OVERFLOW, message(nothing, (stream) => stream.overflowed())],
  [PA_COMMAND.PLAYBACK_STREAM_KILLED, message(nothing, (stream) => stream.endedBy(killed()))],
  [PA_COMMAND.PLAYBACK_STREAM_SUSPENDED, message(flag, (stream, suspended) => stream.suspendedBy(suspended))],
  [PA_COMMAND.PLAYBACK_STREAM_MOVED, message(movedPlayback, (stream, moved) => stream.movedBy(moved))],
  [
    PA_COMMAND.PLAYBACK_BUFFER_ATTR_CHANGED,
    message(readNewPlaybackBuffer, (stream, buffer) => stream.bufferChangedBy(buffer)),
  ],
]);

const RECORD: ReadonlyMap<number, Message<RecordStream>> = new Map([
  [PA_COMMAND.RECORD_STREAM_KILLED, message(nothing, (stream) => stream.endedBy(killed()))],
  [PA_COMMAND.RECORD_STREAM_SUSPENDED, message(flag, (stream, suspended) => stream.suspendedBy(suspended))],
  [PA_COMMAND.RECORD_STREAM_MOVED, message(movedRecord, (stream, moved) => stream.movedBy(moved))],
  [
    PA_COMMAND.RECORD_BUFFER_ATTR_CHANGED,
    message(readNewRecordBuffer, (stream, buffer) => stream.bufferChangedBy(buffer)),
  ],
]);
