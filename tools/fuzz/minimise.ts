// The shortest part of a failing sequence that was found to fail in the same way: pieces are taken out, large ones first
// (delta debugging: Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28 (2), 2002).

import type { Step } from "./steps.ts";

/**
 * @param fails whether these steps fail as the whole does
 * @param seconds how long to try
 */
export async function minimise(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
  seconds: number,
): Promise<readonly Step[]> {
  const end = performance.now() + seconds * 1000;
  let shortest = steps;
  for (let piece = Math.ceil(steps.length / 2); piece >= 1; ) {
    let shorter = false;
    for (let at = 0; at < shortest.length && performance.now() < end; ) {
      const rest = [...shortest.slice(0, at), ...shortest.slice(at + piece)];
      if (rest.length > 0 && (await fails(rest))) {
        shortest = rest;
        shorter = true;
      } else at += piece;
    }
    if (performance.now() >= end) break;
    if (piece === 1 && !shorter) break;
    piece = piece === 1 ? 1 : Math.ceil(piece / 2);
  }
  return shortest;
}
