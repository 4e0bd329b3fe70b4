// A level as programs give it is an int: the left side in its low byte, the right one above it, 0 to 100.

import type { Volume } from "./backend/backend.ts";

/** @returns what an int says, in bounds */
export function fromLevel(value: number): Volume {
  return { left: Math.min(100, value & 0xff), right: Math.min(100, (value >> 8) & 0xff) };
}

export function toLevel({ left, right }: Volume): number {
  return clamped(left) | (clamped(right) << 8);
}

/** A server's level can be above its norm. */
function clamped(level: number): number {
  return Math.max(0, Math.min(100, Math.round(level)));
}
