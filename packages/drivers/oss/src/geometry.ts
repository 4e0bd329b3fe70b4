// What a program asked for, and the fragments that come of it: the rules of snd_pcm_oss_period_size() in
// sound/core/oss/pcm_oss.c, with a buffer of half a second in place of a sound card's.
// Settings is a plain value of one open file; Geometry follows from it.

import { type Format, U8 } from "./format.ts";

export interface Settings {
  readonly format: Format;
  /** Frames a second. */
  readonly rate: number;
  readonly channels: number;
  /** Logarithm of the fragment's bytes; 0: nobody asked. */
  readonly fragmentShift: number;
  /** At most so many; 0: nobody asked. */
  readonly mostFragments: number;
  /** 0: nobody asked. */
  readonly subdivision: number;
}

export const DEFAULTS: Settings = {
  format: U8,
  rate: 8000,
  channels: 1,
  fragmentShift: 0,
  mostFragments: 0,
  subdivision: 0,
};

export const RATES = { least: 1000, most: 192_000 } as const;
/** What a program may ask for, and what the sound server has. */
export const CHANNELS = { most: 32, error: 128 } as const;

/** Bytes. */
const LEAST_FRAGMENT = 16;
/** Bytes that a program can have in all, whatever it asks for. */
const MOST_BUFFER = 1 << 20;
/** A number of fragments by which programs mean "as many as there are". */
const UNLIMITED = 0x7fff;

export interface Geometry {
  /** Bytes, whole frames. */
  readonly frame: number;
  readonly fragment: number;
  readonly fragments: number;
  /** fragment * fragments. */
  readonly buffer: number;
}

export function geometryOf(settings: Settings): Geometry {
  const { format, rate, channels, fragmentShift, mostFragments, subdivision } = settings;
  const frame = format.bytes * channels;
  const second = frame * rate;
  // Half a second, so that a program that fills the buffer is heard soon, as from a card of the time.
  const usual = powerOfTwo(Math.max(second / 2, 8 * LEAST_FRAGMENT));
  // What programs give a number of fragments for is up to two seconds of them.
  const limit = Math.min(MOST_BUFFER, powerOfTwo(Math.max(second * 2, 65_536)));
  const most = mostFragments === 0 ? UNLIMITED : Math.max(2, mostFragments);
  const size = fragmentShift === 0 ? unasked(usual, second, subdivision) : Math.min(2 ** fragmentShift, limit / 2);
  const buffer = most >= UNLIMITED ? Math.max(usual, 2 * size) : Math.min(limit, size * most);
  const fragment = Math.max(frame, Math.floor(size / frame) * frame);
  const fragments = Math.min(most, Math.max(2, Math.floor(buffer / size)));
  return { frame, fragment, fragments, buffer: fragment * fragments };
}

/** The size of a fragment for a program that asked for none, or for a subdivision of the usual. */
function unasked(buffer: number, second: number, subdivision: number): number {
  let size = buffer;
  do size /= 2;
  while (size > second);
  const parts = subdivision === 0 ? 4 : subdivision;
  return Math.max(LEAST_FRAGMENT, powerOfTwo(size / parts));
}

/** The highest that is not above. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}
