// Every sample format, played on a sink of s16le: the server's conversion of samples that it can convert without loss
// shows that each format is called by its right number and has its right size.

import { PulseServer } from "@devlift/testing/pulse";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, frameBytes, type PulseClient, SAMPLE_FORMATS, type SampleFormat } from "../src/index.ts";
import { Log, noise, writeAll } from "./sound.ts";

let server: PulseServer;
let client: PulseClient;

beforeAll(async () => {
  server = await PulseServer.start({ channels: 1 });
  client = await connect({ environment: server.environment, clientProperties: {} });
});

afterAll(async () => {
  client.close();
  await server.stop();
});

const SAMPLES = 4800;

/** Writes a value of 16 bits into one sample of the format. */
const ENCODE: Partial<Record<SampleFormat, (bytes: Buffer, value: number, at: number) => number>> = {
  u8: (bytes, value, at) => bytes.writeUInt8((value >> 8) + 128, at),
  s16le: (bytes, value, at) => bytes.writeInt16LE(value, at),
  s16be: (bytes, value, at) => bytes.writeInt16BE(value, at),
  float32le: (bytes, value, at) => bytes.writeFloatLE(value / 32768, at),
  float32be: (bytes, value, at) => bytes.writeFloatBE(value / 32768, at),
  s32le: (bytes, value, at) => bytes.writeInt32LE(value * 65536, at),
  s32be: (bytes, value, at) => bytes.writeInt32BE(value * 65536, at),
  s24le: (bytes, value, at) => bytes.writeIntLE(value * 256, at, 3),
  s24be: (bytes, value, at) => bytes.writeIntBE(value * 256, at, 3),
  s24_32le: (bytes, value, at) => bytes.writeInt32LE(value * 256, at),
  s24_32be: (bytes, value, at) => bytes.writeInt32BE(value * 256, at),
};

/** What a byte of A-law or mu-law stands for (ITU-T G.711), in 16 bits. */
const DECODE: Partial<Record<SampleFormat, (byte: number) => number>> = {
  alaw: (byte) => {
    const bits = byte ^ 0x55;
    const [segment, mantissa] = [(bits & 0x70) >> 4, (bits & 0x0f) << 4];
    const size = segment === 0 ? mantissa + 8 : (mantissa + 0x108) << (segment - 1);
    return bits & 0x80 ? size : -size;
  },
  ulaw: (byte) => {
    const bits = ~byte;
    const size = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
    return bits & 0x80 ? -size : size;
  },
};

/** A second's tenth in `format`, and the same in s16le. */
function samplesIn(format: SampleFormat): { played: Buffer; heard: Buffer } {
  const heard = noise(SAMPLES * 2, SAMPLE_FORMATS.indexOf(format) + 1);
  const size = frameBytes({ format, channels: 1, rate: 48000 });
  const played = Buffer.alloc(SAMPLES * size);
  const decode = DECODE[format];
  for (let i = 0; i < SAMPLES; i++) {
    if (decode !== undefined) {
      const byte = heard.readUInt8(i * 2);
      played.writeUInt8(byte, i);
      heard.writeInt16LE(decode(byte), i * 2);
      continue;
    }
    if (format === "u8") heard.writeUInt8(0, i * 2);
    ENCODE[format]?.(played, heard.readInt16LE(i * 2), i * size);
  }
  return { played, heard };
}

test.each(SAMPLE_FORMATS)("%s", async (format) => {
  const recorder = await server.record();
  const log = new Log();
  const { played, heard } = samplesIn(format);
  const stream = await client.playback({ spec: { format, channels: 1, rate: 48000 }, properties: {} }, log);
  await writeAll(stream, log, played);
  await stream.drain();
  expect((await recorder.more(SAMPLES)).includes(heard)).toBe(true);
  await stream.delete();
  await recorder.stop();
});
