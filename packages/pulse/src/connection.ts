// One connection to a server: frames in and out, and the commands that wait for their answers.
// Lifetime: from a connected socket to the first of: close(), the server's end, a malformed message. Then every command
// that waits is rejected, and the listener is told once.

import type { Socket } from "node:net";
import { PulseError, serverError } from "./errors.ts";
import { commandName, PA_COMMAND, PA_INVALID_INDEX, PA_PSTREAM_DESCRIPTOR_SIZE } from "./wire/abi.ts";
import { decodeDescriptor, encodeFrame, type Frame } from "./wire/frame.ts";
import { TagReader, TagWriter } from "./wire/tagstruct.ts";

/** More commands at once have no use; a caller that goes on against a server that hangs is refused. */
const MOST_PENDING = 1024;

export interface ConnectionListener {
  /** A command of the server's. May throw PulseError("protocol"), which closes the connection. */
  command(command: number, fields: TagReader): void;
  /** Samples of a record stream; the bytes are the listener's. */
  block(channel: number, samples: Buffer): void;
  /** What was written is gone to the server, after the socket was full. */
  drained(): void;
  /** A command was not answered in time. Said once until the server answers again. */
  unresponsive(): void;
  /** The end; undefined after close(). */
  closed(error: PulseError | undefined): void;
}

/** How a command is sent and its answer read; both run at once and in order. */
export interface Request<T> {
  readonly command: number;
  readonly fields?: (writer: TagWriter) => unknown;
  /** Reads all that the answer has. Default: nothing, for a command that is only acknowledged. */
  readonly answer?: (reader: TagReader) => T;
  /** Milliseconds; default the connection's, Infinity for one that may take as long as it likes. */
  readonly timeoutMs?: number;
  /** Rejects with PulseError("aborted"); the server is not told. */
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  readonly name: string;
  /** @throws what the answer's reader does */
  readonly answered: (reader: TagReader) => void;
  readonly failed: (error: PulseError) => void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listener: ConnectionListener;
  #tag = 0;
  #frame: Frame | undefined;
  #responsive = true;
  /** Why there is no more; undefined while there is. */
  #end: PulseError | undefined;

  /** @param socket connected, and nothing of it read yet */
  constructor(socket: Socket, timeoutMs: number, listener: ConnectionListener) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#listener = listener;
    socket.on("readable", () => this.#read());
    socket.on("drain", () => this.#listener.drained());
    socket.on("error", (cause) =>
      this.#finish(new PulseError("closed", `the sound server: ${cause.message}`, { cause })),
    );
    for (const event of ["end", "close"] as const)
      socket.on(event, () => this.#finish(new PulseError("closed", "the sound server closed the connection")));
  }

  get open(): boolean {
    return this.#end === undefined;
  }

  /** Bytes that wait in this process for the server to take them. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** @throws PulseError as a rejection: the server's refusal, "timeout", "aborted", "closed" */
  request<T = void>(request: Request<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) throw this.#end;
      const { command, signal, timeoutMs = this.#timeoutMs } = request;
      const name = commandName(command);
      if (this.#pending.size >= MOST_PENDING) throw new PulseError("busy", `${name}: too many commands wait already`);
      if (signal?.aborted) throw new PulseError("aborted", `${name} was given up`);
      const tag = this.#nextTag();
      const writer = new TagWriter().u32(command).u32(tag);
      request.fields?.(writer);
      const done = () => {
        this.#pending.delete(tag);
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const failed = (error: PulseError) => {
        done();
        reject(error);
      };
      const abort = () => failed(new PulseError("aborted", `${name} was given up`));
      const timer = Number.isFinite(timeoutMs) ? setTimeout(() => this.#late(tag, timeoutMs), timeoutMs) : undefined;
      signal?.addEventListener("abort", abort);
      const answered = (reader: TagReader) => {
        // An answer without a reader has no value: T is void then, by the default of the type parameter.
        const value = request.answer?.(reader) as T;
        reader.end();
        done();
        resolve(value);
      };
      this.#pending.set(tag, { name, answered, failed });
      this.#socket.write(encodeFrame(undefined, writer.bytes()));
    });
  }

  /** Sends samples, which are copied. False once the connection has ended. */
  sendBlock(channel: number, samples: Uint8Array): boolean {
    if (!this.open) return false;
    this.#socket.write(encodeFrame(channel, samples));
    return true;
  }

  /** Ends it at once. Idempotent. */
  close(): void {
    this.#finish(undefined);
  }

  #nextTag(): number {
    // PA_INVALID_INDEX is the tag of what the server says unasked.
    do this.#tag = (this.#tag + 1) % PA_INVALID_INDEX;
    while (this.#pending.has(this.#tag));
    return this.#tag;
  }

  #late(tag: number, timeoutMs: number): void {
    const pending = this.#pending.get(tag);
    pending?.failed(new PulseError("timeout", `the sound server did not answer ${pending.name} in ${timeoutMs} ms`));
    if (!this.#responsive) return;
    this.#responsive = false;
    this.#listener.unresponsive();
  }

  #read(): void {
    try {
      while (this.open && this.#readFrame());
    } catch (error) {
      this.#finish(
        error instanceof PulseError ? error : new PulseError("internal", "a listener threw", { cause: error }),
      );
      if (!(error instanceof PulseError)) throw error;
    }
  }

  /** False when there is not yet a whole one. A payload is only waited for up to the length that was checked. */
  #readFrame(): boolean {
    if (this.#frame === undefined) {
      const descriptor: Buffer | null = this.#socket.read(PA_PSTREAM_DESCRIPTOR_SIZE);
      // At its end a socket gives what there is, however little.
      if (descriptor === null || descriptor.length < PA_PSTREAM_DESCRIPTOR_SIZE) return false;
      this.#frame = decodeDescriptor(descriptor);
    }
    const { length, channel } = this.#frame;
    const payload: Buffer | null = this.#socket.read(length);
    if (payload === null || payload.length < length) return false;
    this.#frame = undefined;
    if (channel !== undefined) this.#listener.block(channel, payload);
    else this.#readCommand(new TagReader(payload));
    return true;
  }

  #readCommand(reader: TagReader): void {
    const command = reader.u32();
    const tag = reader.u32();
    if (command === PA_COMMAND.REPLY || command === PA_COMMAND.ERROR) this.#readAnswer(command, tag, reader);
    else this.#listener.command(command, reader);
  }

  #readAnswer(command: number, tag: number, reader: TagReader): void {
    this.#responsive = true;
    // An answer that came too late, or was given up, is nobody's.
    const pending = this.#pending.get(tag);
    if (command === PA_COMMAND.ERROR) {
      const error = reader.u32();
      reader.end();
      pending?.failed(serverError(error, pending.name));
    } else pending?.answered(reader);
  }

  #finish(error: PulseError | undefined): void {
    if (!this.open) return;
    this.#end = error ?? new PulseError("closed", "the connection to the sound server was closed");
    this.#socket.destroy();
    for (const pending of [...this.#pending.values()]) pending.failed(this.#end);
    this.#listener.closed(error);
  }
}
