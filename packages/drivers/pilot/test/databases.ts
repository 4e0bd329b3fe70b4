// Databases with contents that show a lost, doubled or changed byte.

import { emptyDatabase, type PalmDatabase } from "@devlift/testing";

/** Records of growing size, each byte from a generator that the seed starts. */
export function syncDatabase(seed: number, count: number): PalmDatabase {
  let state = seed >>> 0;
  const next = (): number => {
    // Marsaglia's xorshift32.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  };
  state ||= 1;
  const records = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    attributes: 0,
    category: 0,
    data: Uint8Array.from({ length: 1 + index * 37 }, next),
  }));
  // Seconds since 1904. A date of 0 would be one that is not set.
  const dates = { created: 3_100_000_000 + seed, modified: 3_200_000_000 + seed, backedUp: 3_300_000_000 + seed };
  return { ...emptyDatabase({ name: `Devlift-${seed}`, type: "data", creator: "dvlf", ...dates }), records };
}
