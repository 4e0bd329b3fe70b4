// What of a port outlives a daemon that is killed, where the channel has memory for it (fusd): its settings, the bytes that
// no program has read and those that the line has not sent, and what the last read and the last write have done. A
// daemon can die at any instruction, so the bytes are put first, and then a record of where they begin and end takes
// effect at once: it is there twice, and commit() writes the copy that is not in force before it says that it is.
// docs/recovery.md says what comes of it. Lifetimes: one as long as a Port; its bytes as long as the device.

import { BACKLOG_LIMIT, INPUT_LIMIT } from "./limits.ts";

/** "DVL2", changed whenever what follows it is: a daemon of another version leaves what this one cannot use. */
const LAYOUT = 0x44_56_4c_32;

/** The record. Positions count up for ever; a place in a ring is a position modulo its size. */
const FIELDS = [
  /** Input: what can be read is from `tail` to `head`, in canonical mode to `lineEnd`. */
  "tail",
  "lineEnd",
  "head",
  "backlogTail",
  "backlogHead",
  /** Bytes that have come since the line began. */
  "received",
  /** The last read: its request, and where its bytes are. */
  "readId",
  "readFrom",
  "readCount",
  /** Output: what is not sent is from `sent` to `written`, and the first `inFlight` of it are with the hardware. */
  "sent",
  "written",
  "inFlight",
  /** The last write: its request, and how many of its bytes were taken. */
  "writeId",
  "writeTaken",
  /** Bytes of the line's note. */
  "noteLength",
  "exclusive",
] as const;
type Field = (typeof FIELDS)[number];

/** Twice what may wait, so that what a read took is not written over before its program has it. */
const INPUT_RING = 2 * INPUT_LIMIT;
/** Bytes that wait to be sent. A blocking write of any size gets through in pieces of it. */
export const OUTPUT_RING = 65536;
const SETTINGS = 64;
const NOTE_LIMIT = 512;
const RECORD = 512;
/** Words in front of the records. */
const WORD = { layout: 0, inForce: 1 } as const;
const FRONT = 64;
const RECORDS_END = FRONT + 2 * RECORD;

const PLACES = placesOf({
  note: NOTE_LIMIT,
  input: INPUT_RING,
  marks: INPUT_RING,
  output: OUTPUT_RING,
  backlog: BACKLOG_LIMIT,
});

function placesOf<K extends string>(sizes: Readonly<Record<K, number>>) {
  let end = RECORDS_END;
  const at = (name: K) => {
    const from = end;
    end += sizes[name];
    return from;
  };
  const names = Object.keys(sizes) as K[];
  const from = Object.fromEntries(names.map((name) => [name, at(name)])) as Record<K, number>;
  return { from, sizes, end };
}

/** What of a call this needs to know. */
export interface Request {
  readonly id: number;
  readonly reissued: boolean;
}

export class PortMemory {
  static readonly SIZE: number = PLACES.end;

  /** The record as it will be at the next commit(). */
  readonly at: Record<Field, number>;
  /** Settings of the port, in a form of its own; part of the record. */
  readonly settings = new Uint8Array(SETTINGS);
  readonly input: Uint8Array;
  /** Of the same size as `input`. */
  readonly marks: Uint8Array;
  readonly backlog: Uint8Array;
  /** An earlier daemon left it. */
  readonly isLeft: boolean;
  readonly #words: Int32Array;
  readonly #records: readonly { readonly fields: Float64Array; readonly settings: Uint8Array }[];
  readonly #note: Uint8Array;
  readonly #output: Uint8Array;
  /** The write whose bytes the line is being given: what it takes counts as taken. */
  #isWriting = false;
  /** What an earlier daemon did for requests that may come again. Each is told once. */
  #leftRead: { readonly id: number; readonly bytes: Uint8Array } | undefined;
  #leftWrite: { readonly id: number; readonly taken: number } | undefined;

  /** @param recovered whether an earlier daemon may have left something in `memory` */
  constructor(memory: Uint8Array<ArrayBuffer> = new Uint8Array(PortMemory.SIZE), recovered = false) {
    const { buffer, byteOffset } = memory;
    const part = (name: keyof typeof PLACES.from) =>
      memory.subarray(PLACES.from[name], PLACES.from[name] + PLACES.sizes[name]);
    this.#words = new Int32Array(buffer, byteOffset, FRONT / 4);
    this.#records = [0, 1].map((copy) => {
      const start = byteOffset + FRONT + copy * RECORD;
      const fields = new Float64Array(buffer, start, FIELDS.length);
      return { fields, settings: new Uint8Array(buffer, start + RECORD - SETTINGS, SETTINGS) };
    });
    this.input = part("input");
    this.marks = part("marks");
    this.backlog = part("backlog");
    this.#note = part("note");
    this.#output = part("output");
    this.isLeft = recovered && this.#words[WORD.layout] === LAYOUT;
    const left = this.isLeft ? this.#records[this.#inForce] : undefined;
    this.at = Object.fromEntries(FIELDS.map((name, index) => [name, left?.fields[index] ?? 0])) as Record<
      Field,
      number
    >;
    if (left !== undefined) {
      this.settings.set(left.settings);
      const { readId, readFrom, readCount, writeId, writeTaken } = this.at;
      this.#leftRead = { id: readId, bytes: fromRing(this.input, readFrom, readCount).slice() };
      this.#leftWrite = { id: writeId, taken: writeTaken };
    }
    this.commit();
    Atomics.store(this.#words, WORD.layout, LAYOUT);
  }

  get #inForce(): 0 | 1 {
    return this.#words[WORD.inForce] === 1 ? 1 : 0;
  }

  /** The record takes effect, all of it. */
  commit(): void {
    const next = this.#inForce === 1 ? 0 : 1;
    const record = this.#records[next];
    if (record === undefined) return;
    for (let index = 0; index < FIELDS.length; index++) record.fields[index] = this.at[FIELDS[index] ?? "tail"];
    record.settings.set(this.settings);
    Atomics.store(this.#words, WORD.inForce, next);
  }

  /** A line begins, with nothing to read or to send. The settings stay. */
  beginLine(): void {
    for (const name of FIELDS) this.at[name] = 0;
    this.#leftRead = undefined;
    this.#leftWrite = undefined;
    this.marks.fill(0);
    this.commit();
  }

  /** What a driver must know to go on with its line: text of its own, at most 512 bytes of UTF-8. "" at first. */
  get note(): string {
    return new TextDecoder().decode(this.#note.subarray(0, this.at.noteLength));
  }

  /** Of a line that begins. */
  set note(text: string) {
    this.at.noteLength = new TextEncoder().encodeInto(text, this.#note).written;
    this.commit();
  }

  /** The answer that an earlier daemon had for a read, if its program did not get it. */
  answerLeft({ id, reissued }: Request): Uint8Array | undefined {
    const left = this.#leftRead;
    if (!reissued || left?.id !== id) return undefined;
    this.#leftRead = undefined;
    return left.bytes;
  }

  /** How many bytes of a write an earlier daemon had taken, if its program does not know; asked again it is 0. */
  takenLeft({ id, reissued }: Request): number {
    const left = this.#leftWrite;
    if (!reissued || left?.id !== id) return 0;
    this.#leftWrite = undefined;
    return left.taken;
  }

  /** A read takes the `count` bytes from `from` on. */
  reads(id: number, from: number, count: number): void {
    this.at.readId = id;
    this.at.readFrom = from;
    this.at.readCount = count;
    this.commit();
  }

  /** Runs `give`, in which the line is given bytes of a write and takes them by append(). */
  writes(id: number, give: () => number): number {
    this.took(id, 0);
    this.#isWriting = true;
    try {
      return give();
    } finally {
      this.#isWriting = false;
    }
  }

  /** So many bytes of a write count as taken, once what they have become is appended. */
  took(id: number, count: number): void {
    const before = this.at.writeId === id ? this.at.writeTaken : 0;
    this.at.writeId = id;
    this.at.writeTaken = before + count;
  }

  /** Bytes that are not sent, those that are with the hardware included. */
  get unsent(): number {
    return this.at.written - this.at.sent;
  }

  /** Takes as many bytes to be sent as there is room for. */
  append(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, OUTPUT_RING - this.unsent);
    toRing(this.#output, this.at.written, bytes.subarray(0, taken));
    this.at.written += taken;
    if (this.#isWriting) this.at.writeTaken += taken;
    this.commit();
    return taken;
  }

  /** The next bytes to be sent, at most so many: they are with the hardware from now on. */
  submit(most: number): Uint8Array {
    const bytes = fromRing(this.#output, this.at.sent, Math.min(this.unsent, most));
    this.at.inFlight = bytes.length;
    this.commit();
    return bytes;
  }

  /** Those that an earlier daemon had with the hardware; none where it had nothing there. */
  submitted(): Uint8Array {
    return fromRing(this.#output, this.at.sent, this.at.inFlight);
  }

  /** The hardware has sent so many of those that it had. */
  sent(count: number): void {
    this.at.sent += count;
    this.at.inFlight = 0;
    this.commit();
  }

  /** Drops what is not with the hardware. */
  discard(): void {
    this.at.written = this.at.sent + this.at.inFlight;
    this.commit();
  }
}

/** Copies bytes into a ring, from a position on. They fit. */
export function toRing(ring: Uint8Array, position: number, bytes: Uint8Array): void {
  const start = position % ring.length;
  const first = bytes.subarray(0, ring.length - start);
  ring.set(first, start);
  ring.set(bytes.subarray(first.length), 0);
}

/** Bytes of a ring: a view where they lie together, else a copy. */
export function fromRing(ring: Uint8Array, position: number, count: number): Uint8Array {
  const start = position % ring.length;
  const end = start + count;
  if (end <= ring.length) return ring.subarray(start, end);
  const bytes = new Uint8Array(count);
  bytes.set(ring.subarray(start));
  bytes.set(ring.subarray(0, end - ring.length), ring.length - start);
  return bytes;
}
