import { expect, test } from "vitest";
import { formatOf } from "../src/format.ts";
import { DEFAULTS, geometryOf, type Settings } from "../src/geometry.ts";

const CD: Settings = { ...DEFAULTS, format: formatOf(0x10), channels: 2, rate: 44_100 };

test.each<[string, Partial<Settings>, { fragment: number; fragments: number }]>([
  [
    "nobody asked: half a second at most, in fragments that a player wakes up for",
    {},
    { fragment: 8192, fragments: 8 },
  ],
  ["8 kHz of bytes is a quarter of a second", DEFAULTS, { fragment: 256, fragments: 8 }],
  ["size and number", { fragmentShift: 9, mostFragments: 2 }, { fragment: 512, fragments: 2 }],
  ["a size, and as many as there are", { fragmentShift: 10, mostFragments: 0x7fff }, { fragment: 1024, fragments: 64 }],
  [
    "more than two seconds are two seconds",
    { fragmentShift: 12, mostFragments: 4000 },
    { fragment: 4096, fragments: 64 },
  ],
  ["a huge fragment: at least two", { fragmentShift: 24, mostFragments: 2 }, { fragment: 131_072, fragments: 2 }],
  ["a subdivision of the usual", { subdivision: 16 }, { fragment: 2048, fragments: 32 }],
  [
    "frames that are no power of two are whole",
    { channels: 6, fragmentShift: 12, mostFragments: 4 },
    { fragment: 4092, fragments: 4 },
  ],
  [
    "a frame that is longer than the fragment",
    { channels: 32, fragmentShift: 4, mostFragments: 2 },
    { fragment: 64, fragments: 2 },
  ],
])("%s", (_what, change, expected) => {
  const { fragment, fragments, buffer } = geometryOf({ ...CD, ...change });
  expect({ fragment, fragments }).toEqual(expected);
  expect(buffer).toBe(fragment * fragments);
});
