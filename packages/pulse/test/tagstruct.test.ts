// The codec of a command's fields: what is written is read, and what is malformed is refused, never believed.

import fc from "fast-check";
import { expect, test } from "vitest";
import { PulseError } from "../src/errors.ts";
import { SAMPLE_FORMATS } from "../src/sample.ts";
import { TagReader, TagWriter } from "../src/wire/tagstruct.ts";

/** One kind of value: how to make some, to write one and to read one. */
interface Kind {
  readonly values: fc.Arbitrary<unknown>;
  readonly put: (writer: TagWriter) => (value: never) => TagWriter;
  readonly get: (reader: TagReader) => () => unknown;
}

const uint32 = fc.nat(0xffff_ffff);
const text = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));
const key = fc.string({ minLength: 1, maxLength: 20 }).filter((value) => value !== "__proto__");

const KINDS: Readonly<Record<string, Kind>> = {
  u8: { values: fc.nat(255), put: (w) => w.u8.bind(w), get: (r) => r.u8.bind(r) },
  u32: { values: uint32, put: (w) => w.u32.bind(w), get: (r) => r.u32.bind(r) },
  u64: { values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), put: (w) => w.u64.bind(w), get: (r) => r.u64.bind(r) },
  s64: {
    values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    put: (w) => w.s64.bind(w),
    get: (r) => r.s64.bind(r),
  },
  usec: { values: fc.maxSafeNat(), put: (w) => w.usec.bind(w), get: (r) => r.usec.bind(r) },
  bool: { values: fc.boolean(), put: (w) => w.bool.bind(w), get: (r) => r.bool.bind(r) },
  string: { values: fc.option(text), put: (w) => w.string.bind(w), get: (r) => r.string.bind(r) },
  timeval: { values: fc.nat(4_000_000_000_000_000), put: (w) => w.timeval.bind(w), get: (r) => r.timeval.bind(r) },
  arbitrary: {
    values: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    put: (w) => w.arbitrary.bind(w),
    get: (r) => r.arbitrary.bind(r),
  },
  sampleSpec: {
    values: fc.record({
      format: fc.constantFrom(...SAMPLE_FORMATS),
      channels: fc.integer({ min: 1, max: 32 }),
      rate: uint32,
    }),
    put: (w) => w.sampleSpec.bind(w),
    get: (r) => r.sampleSpec.bind(r),
  },
  channelMap: {
    values: fc.array(fc.nat(255), { maxLength: 32 }),
    put: (w) => w.channelMap.bind(w),
    get: (r) => r.channelMap.bind(r),
  },
  cvolume: {
    values: fc.array(fc.nat(0x7fff_ffff), { minLength: 1, maxLength: 32 }),
    put: (w) => w.cvolume.bind(w),
    get: (r) => r.cvolume.bind(r),
  },
  proplist: {
    values: fc.dictionary(key, text, { noNullPrototype: true }),
    put: (w) => w.proplist.bind(w),
    get: (r) => r.proplist.bind(r),
  },
  formatInfo: {
    values: fc.record({ encoding: fc.nat(255), properties: fc.dictionary(key, text, { noNullPrototype: true }) }),
    put: (w) => w.formatInfo.bind(w),
    get: (r) => r.formatInfo.bind(r),
  },
};

/** A message's values, each with its kind. */
const message = fc.array(
  fc.constantFrom(...Object.values(KINDS)).chain((kind) => fc.record({ kind: fc.constant(kind), value: kind.values })),
  { maxLength: 12 },
);
type Message = readonly { readonly kind: Kind; readonly value: unknown }[];

function write(values: Message): Buffer {
  const writer = new TagWriter();
  // Each kind's own values are what its put() takes.
  for (const { kind, value } of values) kind.put(writer)(value as never);
  return writer.bytes();
}

function read(bytes: Buffer, values: Message): unknown[] {
  const reader = new TagReader(bytes);
  const all = values.map(({ kind }) => kind.get(reader)());
  reader.end();
  return all;
}

test("what is written is read", () => {
  fc.assert(
    fc.property(message, (values) => {
      expect(read(write(values), values)).toEqual(values.map(({ value }) => value));
    }),
    { numRuns: 500 },
  );
});

test("a message that is cut off or goes on, or has another type, is refused as the protocol's breach", () => {
  const one = message.filter((values) => values.length > 0);
  const protocol = expect.objectContaining({ code: "protocol" });
  const failure = (bytes: Buffer, values: Message): unknown => {
    try {
      return read(bytes, values);
    } catch (error) {
      return error;
    }
  };
  fc.assert(
    fc.property(one, fc.nat(), fc.nat(255), (values, where, byte) => {
      const bytes = write(values);
      expect(failure(bytes.subarray(0, where % bytes.length), values)).toEqual(protocol);
      expect(failure(Buffer.concat([bytes, Buffer.of(byte)]), values)).toEqual(protocol);
    }),
    { numRuns: 500 },
  );
  expect(failure(new TagWriter().u32(1).bytes(), [{ kind: KINDS["u8"] ?? fail(), value: 1 }])).toEqual(protocol);
});

const fail = (): never => expect.unreachable();

test("any bytes at all give values or the protocol's breach, whatever is read from them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), message, fc.nat(), (noise, values, where) => {
      // Noise in the middle of what is almost right gets further than noise alone.
      const bytes = write(values);
      const at = where % (bytes.length + 1);
      const mixed = Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
      try {
        read(mixed, values);
      } catch (error) {
        expect(error).toBeInstanceOf(PulseError);
        expect(error).toMatchObject({ code: "protocol" });
      }
    }),
    { numRuns: 2000 },
  );
});

test("the bytes are those of libpulse", () => {
  const bytes = new TagWriter()
    .u32(8) // 'L', big-endian
    .string("ab") // 't', NUL at the end
    .string(null) // 'N'
    .bool(true) // '1'
    .sampleSpec({ format: "s16le", channels: 2, rate: 48000 }) // 'a', format 3
    .channelMap([1, 2]) // 'm'
    .cvolume([0x10000]) // 'v'
    .proplist({ k: "v" }) // 'P', key, length with NUL, 'x' with the length again, 'N'
    .s64(-1n) // 'r'
    .bytes();
  expect(bytes.toString("hex")).toBe(
    [
      "4c00000008",
      "74616200",
      "4e",
      "31",
      "6103020000bb80",
      "6d020102",
      "760100010000",
      "50746b004c0000000278000000027600" + "4e",
      "72ffffffffffffffff",
    ].join(""),
  );
});

test("what cannot be sent is refused before it is", () => {
  const writer = new TagWriter();
  const invalid = expect.objectContaining({ code: "invalid" });
  expect(() => writer.string("a\0b")).toThrow(invalid);
  expect(() => writer.proplist({ "": "x" })).toThrow(invalid);
  expect(() => writer.proplist({ ü: "x" })).toThrow(invalid);
  expect(() => writer.proplist({ k: "x".repeat(65536) })).toThrow(invalid);
  expect(() => writer.cvolume([-1])).toThrow(invalid);
  expect(() => writer.cvolume(Array(33).fill(1))).toThrow(invalid);
});

test("another program's stream without a format, and an icon among its properties, are no breach", () => {
  const spec = new TagReader(Buffer.from("61ff0000000000", "hex"));
  expect(spec.sampleSpec()).toBeUndefined();
  spec.end();
  const icon = Buffer.from(
    "50746900" + "4c00000003" + "780000000300ff00" + "746b00" + "4c00000002" + "78000000027600" + "4e",
    "hex",
  );
  expect(new TagReader(icon).proplist()).toEqual({ k: "v" });
});
