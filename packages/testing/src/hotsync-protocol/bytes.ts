// Big-endian reading and writing, every length checked. A ByteReader is a cursor over one message; a ByteWriter
// collects one message and is finished once.

import { ProtocolError } from "./errors.ts";

/** A byte for a character: names, types and creators keep their bytes whatever the handheld's code page is. */
const CODE_PAGE = "latin1";

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(CODE_PAGE);
}

export function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, CODE_PAGE));
}

/** Every method throws ProtocolError `malformed` when the message is too short for it. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    if (length > this.remaining) {
      throw new ProtocolError(
        "malformed",
        `${this.#what}: ${length} bytes expected at offset ${this.#at}, but it has ${this.#bytes.length} bytes`,
      );
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  skip(length: number): this {
    this.#take(length);
    return this;
  }

  /** A copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** Exactly `length` bytes as text, cut at the first NUL. */
  text(length: number): string {
    const raw = this.bytes(length);
    const nul = raw.indexOf(0);
    return latin1(nul < 0 ? raw : raw.subarray(0, nul));
  }

  /** A type or creator: four characters, NULs and all. */
  fourCc(): string {
    return latin1(this.bytes(4));
  }

  /** Text up to a NUL, which must be there. */
  cstring(): string {
    const nul = this.#bytes.indexOf(0, this.#at);
    if (nul < 0) throw new ProtocolError("malformed", `${this.#what}: text without its terminating NUL`);
    return this.text(nul + 1 - this.#at);
  }
}

export class ByteWriter {
  readonly #parts: Uint8Array[] = [];

  #number(length: 1 | 2 | 4, value: number): this {
    const part = new Uint8Array(length);
    const view = new DataView(part.buffer);
    if (length === 1) view.setUint8(0, value);
    else if (length === 2) view.setUint16(0, value);
    else view.setUint32(0, value);
    return this.bytes(part);
  }

  u8(value: number): this {
    return this.#number(1, value);
  }

  u16(value: number): this {
    return this.#number(2, value);
  }

  u32(value: number): this {
    return this.#number(4, value);
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  zeros(length: number): this {
    return this.bytes(new Uint8Array(length));
  }

  /** Text without a terminator. */
  text(text: string): this {
    return this.bytes(latin1Bytes(text));
  }

  cstring(text: string): this {
    return this.text(text).u8(0);
  }

  /** A type or creator, filled up with NULs. */
  fourCc(text: string): this {
    return this.text(text.slice(0, 4).padEnd(4, "\0"));
  }

  finish(): Uint8Array {
    return concat(this.#parts);
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
