// A command's fields: each value behind a byte that names its type (PulseAudio, src/pulsecore/tagstruct.c).
// A writer and a reader live for one message. The reader believes nothing: type, length and count of each value are
// checked, and end() refuses what is left over.

import { PulseError } from "../errors.ts";
import { type ChannelMap, isChannelCount, type SampleSpec, sampleFormatName, sampleFormatNumber } from "../sample.ts";
import { MAX_TAG_SIZE, PA_VOLUME_MAX } from "./abi.ts";

const TAG = {
  string: "t",
  nullString: "N",
  u32: "L",
  u8: "B",
  u64: "R",
  s64: "r",
  sampleSpec: "a",
  arbitrary: "x",
  true: "1",
  false: "0",
  timeval: "T",
  usec: "U",
  channelMap: "m",
  cvolume: "v",
  proplist: "P",
  volume: "V",
  formatInfo: "f",
} as const;
type TagName = keyof typeof TAG;

const code = (tag: TagName): number => TAG[tag].charCodeAt(0);

/** Properties of a client, stream or device, such as "application.process.id". Values are text. */
export type Properties = Readonly<Record<string, string>>;

/** A volume for each channel, where PA_VOLUME_NORM (65536) is 100 %. */
export type Volumes = readonly number[];

/** An encoding, by number, and its properties, of which nobody here needs to know more. */
export interface FormatInfo {
  readonly encoding: number;
  readonly properties: Properties;
}

/** Microseconds since 1970 (gettimeofday(2)). */
export type WallTime = number;

const MICROSECONDS = 1_000_000;
/** Keys are printable ASCII (pa_proplist_key_valid). */
const KEY = /^[\x20-\x7e]+$/;

export class TagWriter {
  readonly #parts: Buffer[] = [];

  /** The message so far. */
  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  u8(value: number): this {
    return this.#put("u8", Buffer.of(value));
  }

  u32(value: number): this {
    return this.#put("u32", word(value));
  }

  u64(value: bigint): this {
    return this.#put("u64", longWord(value));
  }

  s64(value: bigint): this {
    return this.#put("s64", longWord(value));
  }

  usec(value: number): this {
    return this.#put("usec", longWord(BigInt(value)));
  }

  bool(value: boolean): this {
    return this.#put(value ? "true" : "false");
  }

  /** @throws PulseError("invalid") when the text has a NUL, which would end it */
  string(value: string | null): this {
    if (value === null) return this.#put("nullString");
    if (value.includes("\0")) throw new PulseError("invalid", "a text for the sound server has a NUL in it");
    return this.#put("string", Buffer.from(`${value}\0`));
  }

  arbitrary(value: Uint8Array): this {
    return this.#put("arbitrary", word(value.length), Buffer.from(value));
  }

  timeval(value: WallTime): this {
    const seconds = Math.floor(value / MICROSECONDS);
    return this.#put("timeval", word(seconds), word(Math.floor(value - seconds * MICROSECONDS)));
  }

  sampleSpec({ format, channels, rate }: SampleSpec): this {
    return this.#put("sampleSpec", Buffer.of(sampleFormatNumber(format), channels), word(rate));
  }

  channelMap(map: ChannelMap): this {
    return this.#put("channelMap", Buffer.of(map.length, ...map));
  }

  /** @throws PulseError("invalid") when these are not 1 to 32 volumes */
  cvolume(volumes: Volumes): this {
    if (!isChannelCount(volumes.length) || !volumes.every((volume) => volume >= 0 && volume <= PA_VOLUME_MAX))
      throw new PulseError("invalid", `${volumes.length} volumes (${volumes.slice(0, 4)}...) are none for a stream`);
    return this.#put("cvolume", Buffer.of(volumes.length), ...volumes.map((volume) => word(Math.round(volume))));
  }

  /** @throws PulseError("invalid") for keys that are not printable ASCII and for values of more than 64 KiB */
  proplist(properties: Properties): this {
    this.#put("proplist");
    for (const [key, text] of Object.entries(properties)) {
      const value = Buffer.from(`${text}\0`);
      if (!KEY.test(key) || text.includes("\0") || value.length > MAX_TAG_SIZE)
        throw new PulseError("invalid", `the property ${JSON.stringify(key.slice(0, 80))} cannot be sent`);
      this.string(key).u32(value.length).arbitrary(value);
    }
    return this.string(null);
  }

  formatInfo({ encoding, properties }: FormatInfo): this {
    return this.#put("formatInfo").u8(encoding).proplist(properties);
  }

  #put(tag: TagName, ...parts: Buffer[]): this {
    this.#parts.push(Buffer.of(code(tag)), ...parts);
    return this;
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function longWord(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
}

/** Every method throws PulseError("protocol") when the next value is of another type, cut off, or out of its range. */
export class TagReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Nothing may be left. */
  end(): void {
    if (!this.atEnd) throw this.#malformed(`${this.#bytes.length - this.#at} bytes too many`);
  }

  u8(): number {
    return this.#value("u8", 1).readUInt8();
  }

  u32(): number {
    return this.#value("u32", 4).readUInt32BE();
  }

  u64(): bigint {
    return this.#value("u64", 8).readBigUInt64BE();
  }

  s64(): bigint {
    return this.#value("s64", 8).readBigInt64BE();
  }

  /** Microseconds; what is more than a number can hold exactly (PulseAudio's "unknown" is all ones) is that number. */
  usec(): number {
    return Math.min(Number(this.#value("usec", 8).readBigUInt64BE()), Number.MAX_SAFE_INTEGER);
  }

  bool(): boolean {
    const tag = this.#take(1).readUInt8();
    if (tag !== code("true") && tag !== code("false")) throw this.#malformed(`tag ${tag} for a boolean`);
    return tag === code("true");
  }

  string(): string | null {
    const tag = this.#take(1).readUInt8();
    if (tag === code("nullString")) return null;
    if (tag !== code("string")) throw this.#malformed(`tag ${tag} for a string`);
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw this.#malformed("a string without its end");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** A view of the message. */
  arbitrary(): Buffer {
    return this.#take(this.#value("arbitrary", 4).readUInt32BE());
  }

  timeval(): WallTime {
    const value = this.#value("timeval", 8);
    return value.readUInt32BE(0) * MICROSECONDS + value.readUInt32BE(4);
  }

  /** Undefined where another program's stream has no format yet, or one that is newer than this package. */
  sampleSpec(): SampleSpec | undefined {
    const value = this.#value("sampleSpec", 6);
    const format = sampleFormatName(value.readUInt8(0));
    const channels = value.readUInt8(1);
    if (format === undefined || !isChannelCount(channels)) return undefined;
    return { format, channels, rate: value.readUInt32BE(2) };
  }

  channelMap(): ChannelMap {
    return [...this.#take(this.#count("channelMap"))];
  }

  cvolume(): Volumes {
    return Array.from({ length: this.#count("cvolume") }, () => this.#take(4).readUInt32BE());
  }

  volume(): number {
    return this.#value("volume", 4).readUInt32BE();
  }

  /** Values that are not text (an icon's bytes) are left out. */
  proplist(): Properties {
    this.#tag("proplist");
    const properties = new Map<string, string>();
    for (let key = this.string(); key !== null; key = this.string()) {
      const length = this.u32();
      const value = this.arbitrary();
      if (value.length !== length)
        throw this.#malformed(`the property ${key} has ${value.length} bytes, not ${length}`);
      if (value.indexOf(0) === length - 1) properties.set(key, value.toString("utf8", 0, length - 1));
    }
    return Object.fromEntries(properties);
  }

  formatInfo(): FormatInfo {
    this.#tag("formatInfo");
    return { encoding: this.u8(), properties: this.proplist() };
  }

  #count(tag: TagName): number {
    const count = this.#value(tag, 1).readUInt8();
    // PipeWire knows 64 channels, and shows clients no more than 32; none at all has a stream without a format yet.
    if (count !== 0 && !isChannelCount(count)) throw this.#malformed(`${count} channels`);
    return count;
  }

  #tag(tag: TagName): void {
    const found = this.#take(1).readUInt8();
    if (found !== code(tag)) throw this.#malformed(`tag ${found} where ${tag} should be`);
  }

  #value(tag: TagName, length: number): Buffer {
    this.#tag(tag);
    return this.#take(length);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.#malformed(`${end - this.#bytes.length} bytes too few`);
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #malformed(what: string): PulseError {
    return new PulseError("protocol", `a message of the sound server is malformed at byte ${this.#at}: ${what}`);
  }
}
