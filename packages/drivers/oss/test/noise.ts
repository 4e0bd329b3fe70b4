// What is played, and whether it was heard: samples that cannot be taken for others.

import type { Recorder } from "@devlift/testing/pulse";
import { expect } from "vitest";

/** Samples of 16 bits, none of them silent, no stretch like another. */
export function noise(bytes: number, seed: number): Buffer {
  const samples = Buffer.alloc(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at += 2) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    samples.writeInt16LE((state >>> 17) - 16384 || 1, at);
  }
  return samples;
}

/** Resolves when the sink has played all of `samples`, in one piece. */
export async function heard(by: Recorder, samples: Buffer): Promise<void> {
  const recorded = await by.until((all) => all.includes(samples.subarray(-64)));
  const at = recorded.indexOf(samples.subarray(0, 64));
  expect(recorded.subarray(at, at + samples.length).equals(samples)).toBe(true);
}

/**
 * The same on a machine that may be too slow to play without a gap: silence, which noise() has none of, does not count.
 * A frame has four bytes.
 */
export async function heardWithGaps(by: Recorder, samples: Buffer): Promise<void> {
  const recorded = await by.until((all) => all.includes(samples.subarray(-64)));
  const sounding: Buffer[] = [];
  for (let at = 0; at < recorded.length; at += 4) {
    const frame = recorded.subarray(at, at + 4);
    if (frame.some((byte) => byte !== 0)) sounding.push(frame);
  }
  expect(Buffer.concat(sounding).equals(samples)).toBe(true);
}
