// A record stream: bytes come as the source has them, and are kept here until they are read, up to `maxlength`.
// Lifetime: see stream.ts.
//
// The protocol has no credit in this direction. When `maxlength` bytes wait to be read, the server is told to stop
// (cork), and to go on when half of them were read; what a server sends all the same is thrown away beyond twice that.

import {
  adjusts,
  type LatencyMode,
  type RecordBuffer,
  readNewRecordBuffer,
  readRecordBuffer,
  requestsEarly,
  size,
  writeRecordBuffer,
} from "./buffer.ts";
import { initialVolumes, readPlace, type StreamOptions, writeFlags, writeFormat } from "./creation.ts";
import { type Report, Stream, type StreamHost, type StreamListener } from "./stream.ts";
import { RecordClock, type RecordLatency } from "./timing.ts";
import { MAX_MEMBLOCKQ_LENGTH, PA_COMMAND, PA_INVALID_INDEX } from "./wire/abi.ts";
import type { TagReader, TagWriter } from "./wire/tagstruct.ts";

export interface RecordOptions extends StreamOptions {
  /** Default: the server's choice. */
  readonly buffer?: Partial<RecordBuffer>;
}

export interface RecordListener extends StreamListener {
  /** `available` has grown. */
  readable?(): void;
  /** Nobody read in time: sound is lost from now on, until half of what is there was read. */
  overflow?(): void;
}

const COMMANDS = {
  delete: PA_COMMAND.DELETE_RECORD_STREAM,
  cork: PA_COMMAND.CORK_RECORD_STREAM,
  flush: PA_COMMAND.FLUSH_RECORD_STREAM,
  latency: PA_COMMAND.GET_RECORD_LATENCY,
  properties: PA_COMMAND.UPDATE_RECORD_STREAM_PROPLIST,
};

const SMALL_BYTES = 4096;

export class RecordStream extends Stream<RecordBuffer> {
  /** The index of its source output, by which introspection, volumes and pactl know it. */
  readonly sourceOutput: number;
  readonly #listener: RecordListener;
  readonly #clock: RecordClock;
  #chunks: Buffer[] = [];
  #available = 0;
  /** All bytes ever received. */
  #received = 0;
  /** The server was told to stop, because nobody reads. */
  #held = false;

  /** @internal Reads what the server says of the stream that it has made. */
  constructor(host: StreamHost, options: RecordOptions, listener: RecordListener, reader: TagReader) {
    const channel = reader.u32();
    const sourceOutput = reader.u32();
    const buffer = readRecordBuffer(reader);
    super(host, { channel, buffer, ...readPlace(reader), corked: options.corked ?? false }, COMMANDS, listener);
    this.sourceOutput = sourceOutput;
    this.#listener = listener;
    this.#clock = new RecordClock(this.spec);
    this.reports.often();
  }

  /** Bytes that read() gives now. What is there stays when the stream has ended. */
  get available(): number {
    return this.#available;
  }

  /** The next bytes, `length` at most; fewer only when there are no more. The bytes are the caller's. */
  read(length: number): Buffer {
    const parts: Buffer[] = [];
    let wanted = Math.min(length, this.#available);
    this.#available -= wanted;
    while (wanted > 0) {
      const [chunk = Buffer.alloc(0)] = this.#chunks;
      parts.push(chunk.subarray(0, wanted));
      if (chunk.length > wanted) this.#chunks[0] = chunk.subarray(wanted);
      else this.#chunks.shift();
      wanted -= Math.min(chunk.length, wanted);
    }
    if (this.#held && this.#available <= this.#limit / 2) this.#release();
    const [only] = parts;
    return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
  }

  /** Discards what was recorded and not read, here and in the server. */
  flush(): Promise<void> {
    this.#chunks = [];
    this.#available = 0;
    this.#clock.flushed();
    if (this.#held) this.#release();
    return this.sendFlush();
  }

  /** Asks for other sizes of the queue; `buffer` has what came of it. */
  setBuffer(buffer: Partial<RecordBuffer>, mode: LatencyMode = {}): Promise<void> {
    return this.sendBuffer({
      command: PA_COMMAND.SET_RECORD_STREAM_BUFFER_ATTR,
      fields: (writer) => {
        writeRecordBuffer(writer, buffer);
        writer.bool(adjusts(mode)).bool(requestsEarly(mode));
      },
      answer: readNewRecordBuffer,
    });
  }

  /** Where the stream is now, worked out from the last report without asking the server. */
  latency(): RecordLatency {
    return this.#clock.at(performance.now(), this.#received, this.#available);
  }

  /** Asks the server first. */
  async updateLatency(): Promise<RecordLatency> {
    await this.reports.now();
    return this.latency();
  }

  /** @internal Samples came. */
  samples(block: Buffer): void {
    this.#received += block.length;
    const first = this.#received === block.length;
    if (this.#available + block.length > 2 * this.#limit) return;
    this.#keep(block);
    this.#available += block.length;
    if (first) this.reports.often();
    if (this.#available >= this.#limit && !this.#held && this.open) {
      this.#held = true;
      this.hold(true).catch(() => undefined);
      this.#listener.overflow?.();
    }
    this.#listener.readable?.();
  }

  protected override get moving(): boolean {
    return !this.#held;
  }

  protected override asking(): (report: Report) => void {
    return (report) => {
      // Of a monitor: its samples are heard only after the sink's latency, so they are so much younger.
      const deviceUsec = report.sourceUsec - report.sinkUsec;
      this.#clock.reported({ ...report, deviceUsec, silentFor: 0 }, this.#received);
    };
  }

  protected override hold(held: boolean): Promise<void> {
    // uncork() of a stream that nobody reads is done by the read() that makes room.
    return super.hold(held || this.#held);
  }

  /** Small blocks are put together, so that what they cost is what they hold. */
  #keep(block: Buffer): void {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.length + block.length <= SMALL_BYTES)
      this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, block]);
    else this.#chunks.push(block);
  }

  get #limit(): number {
    return Math.min(this.buffer.maxlength, MAX_MEMBLOCKQ_LENGTH);
  }

  #release(): void {
    this.#held = false;
    if (this.open) this.hold(this.corked).catch(() => undefined);
  }
}

/** The fields of CREATE_RECORD_STREAM. */
export function writeRecordOptions(writer: TagWriter, options: RecordOptions): void {
  const { corked = false, buffer = {}, properties, volume, muted } = options;
  writeFormat(writer, options);
  writer.u32(size(buffer.maxlength)).bool(corked).u32(size(buffer.fragsize));
  writeFlags(writer, options);
  // All samples, not peaks; of the whole source, not of one sink input.
  writer.bool(false).bool(adjusts(options)).proplist(properties).u32(PA_INVALID_INDEX);
  // The stream keeps an idle device awake, and lives on when it sleeps. No formats: the sample specification is meant.
  writer.bool(requestsEarly(options)).bool(false).bool(false).u8(0);
  writer
    .cvolume(initialVolumes(options))
    .bool(muted ?? false)
    .bool(volume !== undefined)
    .bool(muted !== undefined);
  // Its volume is absolute, its samples are PCM.
  writer.bool(false).bool(false);
}
