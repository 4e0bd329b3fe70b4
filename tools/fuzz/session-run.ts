// One session's life under the corpus: a hundred thousand messages, with pauses in which nothing may be left. The
// same seed gives the same life, so one that failed is lived again with a recorder.

import { Corpus } from "./corpus.ts";
import { Random } from "./random.ts";
import type { Rig } from "./rig.ts";

/** Messages between two pauses. */
export const PAUSE = 12_500;

/** @param atPause runs when nothing is in flight and nothing open; false ends the run */
export async function liveThrough(rig: Rig, seed: number, messages: number, atPause: () => boolean): Promise<void> {
  const random = new Random(seed);
  const corpus = new Corpus(rig, random);
  for (let count = 1; count <= messages && rig.failure === undefined; count++) {
    rig.message(corpus.next());
    if ((random.next() & 7) === 0) await rig.drain();
    if ((random.next() & 63) === 0) event(rig, random);
    if (count % PAUSE === 0) {
      await rig.quiesce();
      if (!atPause()) return;
    }
  }
  if (rig.failure === undefined) await rig.close();
}

function event(rig: Rig, random: Random): void {
  const which = random.below(40);
  if (which < 30) rig.advance(random.oneIn(20) ? 2000 : random.below(120));
  else if (which < 34) rig.say("readable");
  else if (which < 38) rig.say("writable");
  else if (which < 39) rig.say("urgent");
  else if (random.oneIn(8)) rig.say("hangup");
}
