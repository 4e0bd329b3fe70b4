// What samples look like: formats, channels, rates; sizes and times that follow from them. Values without a lifetime.
// Sources: PulseAudio src/pulse/sample.h (formats by number), channelmap.h and channelmap.c (positions, default maps).

import { PulseError } from "./errors.ts";
import { PA_CHANNELS_MAX, PA_RATE_MAX } from "./wire/abi.ts";

/** Bytes of a sample, in the order of PulseAudio's numbers. s24: packed; s24_32: in the low three bytes of four. */
const SAMPLE_BYTES = {
  u8: 1,
  alaw: 1,
  ulaw: 1,
  s16le: 2,
  s16be: 2,
  float32le: 4,
  float32be: 4,
  s32le: 4,
  s32be: 4,
  s24le: 3,
  s24be: 3,
  s24_32le: 4,
  s24_32be: 4,
} as const;

export type SampleFormat = keyof typeof SAMPLE_BYTES;

function isSampleFormat(name: string): name is SampleFormat {
  return Object.hasOwn(SAMPLE_BYTES, name);
}

/** Every sample format that PulseAudio has, by its number there. */
export const SAMPLE_FORMATS: readonly SampleFormat[] = Object.keys(SAMPLE_BYTES).filter(isSampleFormat);

/** `channels` 1 to 32, `rate` in Hz up to 768000. */
export interface SampleSpec {
  readonly format: SampleFormat;
  readonly channels: number;
  readonly rate: number;
}

/** Where each channel is heard: one of CHANNEL each. */
export type ChannelMap = readonly number[];

/** PA_CHANNEL_POSITION_*; `aux0` and the 31 after it stand for nowhere in particular. */
export const CHANNEL = {
  mono: 0,
  frontLeft: 1,
  frontRight: 2,
  frontCenter: 3,
  rearCenter: 4,
  rearLeft: 5,
  rearRight: 6,
  lfe: 7,
  frontLeftOfCenter: 8,
  frontRightOfCenter: 9,
  sideLeft: 10,
  sideRight: 11,
  aux0: 12,
} as const;

const { mono, frontLeft, frontRight, frontCenter, rearLeft, rearRight, lfe, sideLeft, sideRight, aux0 } = CHANNEL;
const SURROUND = [frontLeft, frontRight, rearLeft, rearRight, frontCenter, lfe, sideLeft, sideRight];
const SURROUND_COUNTS = [8, 6, 5, 4, 2];

/** The map of `channels` channels that ALSA and the kernel's OSS emulation mean: FL FR RL RR FC LFE SL SR, then aux. */
export function defaultChannelMap(channels: number): ChannelMap {
  if (channels === 1) return [mono];
  const known = SURROUND_COUNTS.find((count) => count <= channels) ?? 0;
  return Array.from({ length: channels }, (_, i) => (i < known ? (SURROUND[i] ?? aux0) : aux0 + i - known));
}

export function isChannelCount(channels: number): boolean {
  return Number.isInteger(channels) && channels >= 1 && channels <= PA_CHANNELS_MAX;
}

/** @throws PulseError("invalid") when no server would take it */
export function checkSampleSpec({ format, channels, rate }: SampleSpec): void {
  if (!isSampleFormat(format) || !isChannelCount(channels) || !Number.isInteger(rate) || rate < 1 || rate > PA_RATE_MAX)
    throw new PulseError("invalid", `no stream can be ${format}, ${channels} channels, ${rate} Hz`);
}

export function sampleFormatNumber(format: SampleFormat): number {
  return SAMPLE_FORMATS.indexOf(format);
}

export function sampleFormatName(number: number): SampleFormat | undefined {
  return SAMPLE_FORMATS[number];
}

/** Bytes of one sample of each channel. */
export function frameBytes({ format, channels }: SampleSpec): number {
  return SAMPLE_BYTES[format] * channels;
}

/** Of `bytes`, those that are whole frames. */
export function wholeFrames(bytes: number, spec: SampleSpec): number {
  return bytes - (bytes % frameBytes(spec));
}

/** How long `bytes` play, in microseconds, not rounded. */
export function bytesToUsec(bytes: number, spec: SampleSpec): number {
  return (bytes / frameBytes(spec) / spec.rate) * 1_000_000;
}

/** The bytes that play in `usec` microseconds, in whole frames, rounded to the nearest. */
export function usecToBytes(usec: number, spec: SampleSpec): number {
  return Math.round((usec / 1_000_000) * spec.rate) * frameBytes(spec);
}
