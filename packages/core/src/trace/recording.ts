// The format of a recording: every message in each direction, as it went, with its time. A file is one line of JSON,
// which says what it is and in which version, and records:
//
//   u32 length of the payload   u8 kind   u8 zero   u16 device   u64 microseconds since the start   payload
//
// all little-endian. A record of kind DEVICE declares the device of its number, as JSON; records of kind REQUEST and
// ANSWER (which notifications are too) are messages of the FUSE protocol, which has a version of its own in its first
// request; a record of kind CLOSING, without payload, is the beginning of the end of a device. What a version adds, a
// later reader can tell by the header's version.

import { UsageError } from "../errors.ts";

export const RECORDING_VERSION = 1;
export const RECORD = { DEVICE: 1, REQUEST: 2, ANSWER: 3, CLOSING: 4 } as const;
export type RecordKind = (typeof RECORD)[keyof typeof RECORD];

export const RECORD_HEAD_SIZE = 16;
/** The largest message is a WRITE of 1 MiB with its headers, where a channel allows that. */
const LARGEST_PAYLOAD = 2 * 1024 * 1024;
const LONGEST_HEADER = 4096;
/** The shortest message that there is: struct fuse_out_header. */
const SHORTEST_MESSAGE = 16;

export interface RecordHead {
  readonly kind: RecordKind;
  /** Number of the device, from 0. */
  readonly device: number;
  /** Microseconds since the recording began. */
  readonly time: number;
}

/** A message, or the beginning of a device's end. */
export interface Recorded extends RecordHead {
  readonly kind: Exclude<RecordKind, typeof RECORD.DEVICE>;
  /** The message; empty when there is none. */
  readonly bytes: Uint8Array;
  /** The device's name. */
  readonly name: string;
}

/** The first line. @param startedAt ISO 8601 */
export function encodeHeader(startedAt: string): Uint8Array {
  return new TextEncoder().encode(
    `${JSON.stringify({ format: "devlift-recording", version: RECORDING_VERSION, startedAt })}\n`,
  );
}

/** Writes a record's head. @param length of its payload */
export function encodeHead({ kind, device, time }: RecordHead, length: number, into: DataView): void {
  into.setUint32(0, length, true);
  into.setUint8(4, kind);
  into.setUint8(5, 0);
  into.setUint16(6, device, true);
  into.setBigUint64(8, BigInt(Math.round(time)), true);
}

/** What is called when a recording ends in the middle of a record, as after kill -9. */
export type OnCutOff = (sentence: string) => void;

/**
 * The messages of a recording, in order.
 * @param chunks the bytes of the file, cut anywhere
 * @throws UsageError that says where and how it is no recording, or none that this version reads
 */
export function* readRecording(chunks: Iterable<Uint8Array>, onCutOff: OnCutOff): Generator<Recorded> {
  const source = new Source(chunks);
  readHeader(source);
  const names: string[] = [];
  let last = 0;
  for (;;) {
    const at = source.offset;
    const wrong = (what: string) => new UsageError(`the recording is damaged at byte ${at}: ${what}`);
    const head = source.take(RECORD_HEAD_SIZE);
    if (head === undefined) {
      if (source.rest > 0) onCutOff(`the recording ends in the middle of a record, at byte ${at}`);
      return;
    }
    const view = new DataView(head.buffer, head.byteOffset);
    const [length, kind, device] = [view.getUint32(0, true), view.getUint8(4), view.getUint16(6, true)];
    const time = Number(view.getBigUint64(8, true));
    if (length > LARGEST_PAYLOAD) throw wrong(`a record of ${length} bytes`);
    if (!isKind(kind) || view.getUint8(5) !== 0) throw wrong(`there is no record of kind ${kind}`);
    if (time < last) throw wrong("time runs backwards");
    last = time;
    const bytes = source.take(length);
    if (bytes === undefined) {
      onCutOff(`the recording ends in the middle of a record, at byte ${at}`);
      return;
    }
    if (kind === RECORD.DEVICE) {
      if (device !== names.length) throw wrong(`device ${device} is declared after ${names.length} others`);
      names.push(nameIn(bytes, wrong));
      continue;
    }
    const name = names[device];
    if (name === undefined) throw wrong(`a message of device ${device}, of which there is no record`);
    if (kind !== RECORD.CLOSING && !isMessage(bytes)) throw wrong(`a message whose length is not its ${length} bytes`);
    yield { kind, device, time, bytes, name };
  }
}

function isKind(kind: number): kind is RecordKind {
  return kind >= RECORD.DEVICE && kind <= RECORD.CLOSING;
}

/** Every message begins with its length: include/uapi/linux/fuse.h. */
function isMessage(bytes: Uint8Array): boolean {
  if (bytes.length < SHORTEST_MESSAGE) return false;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === bytes.length;
}

function readHeader(source: Source): void {
  const line = source.line(LONGEST_HEADER);
  const header: unknown = line === undefined ? undefined : parsed(line);
  if (typeof header !== "object" || header === null || !("format" in header) || header.format !== "devlift-recording")
    throw new UsageError("this is no recording: it does not begin with the header of one");
  const version = "version" in header ? header.version : undefined;
  if (version !== RECORDING_VERSION)
    throw new UsageError(`a recording of version ${version}; this program reads version ${RECORDING_VERSION}`);
}

function nameIn(bytes: Uint8Array, wrong: (what: string) => UsageError): string {
  const device = parsed(new TextDecoder().decode(bytes));
  const name = typeof device === "object" && device !== null && "name" in device ? device.name : undefined;
  // It is shown to people.
  if (typeof name !== "string" || !/^[\x21-\x7e]+$/.test(name)) throw wrong("a device without a name");
  return name;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Bytes in pieces, taken in other pieces. */
class Source {
  readonly #chunks: Iterator<Uint8Array>;
  #have = new Uint8Array();
  #from = 0;
  /** Bytes taken so far. */
  offset = 0;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  /** Bytes at hand that are not taken. */
  get rest(): number {
    return this.#have.length - this.#from;
  }

  /** undefined when there are not so many. */
  take(count: number): Uint8Array | undefined {
    while (this.rest < count) if (!this.#more()) return undefined;
    this.#from += count;
    this.offset += count;
    return this.#have.subarray(this.#from - count, this.#from);
  }

  /** Without its end; undefined when it is longer than `longest`, or not ended. */
  line(longest: number): string | undefined {
    for (;;) {
      const end = this.#have.indexOf(0x0a);
      if (end > longest) return undefined;
      if (end >= 0) {
        const line = this.take(end + 1);
        return new TextDecoder().decode(line?.subarray(0, end));
      }
      if (this.rest > longest || !this.#more()) return undefined;
    }
  }

  #more(): boolean {
    const next = this.#chunks.next();
    if (next.done === true) return false;
    const joined = new Uint8Array(this.rest + next.value.length);
    joined.set(this.#have.subarray(this.#from));
    joined.set(next.value, this.rest);
    this.#have = joined;
    this.#from = 0;
    return true;
  }
}
