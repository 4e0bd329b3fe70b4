import { AFMT } from "@devlift/uapi/soundcard";
import { expect, test } from "vitest";
import { ALL_FORMATS, convert, formatOf } from "../src/format.ts";

/** What the server gets for the same bytes of a program, in pieces of each size. */
test.each([
  ["S8", AFMT.AFMT_S8, [0x80, 0x81, 0x82, 0x83, 0x84, 0x85]],
  ["U16_LE", AFMT.AFMT_U16_LE, [0x00, 0x81, 0x02, 0x83, 0x04, 0x85]],
  ["U16_BE", AFMT.AFMT_U16_BE, [0x80, 0x01, 0x82, 0x03, 0x84, 0x05]],
  ["S16_BE", AFMT.AFMT_S16_BE, [0x00, 0x01, 0x02, 0x03, 0x04, 0x05]],
])("%s is converted alike, wherever the bytes are split", (_name, afmt, expected) => {
  const format = formatOf(afmt);
  for (const size of [1, 2, 3, 5, 6]) {
    const whole: number[] = [];
    for (let at = 0; at < 6; at += size) {
      const piece = Uint8Array.from([0, 1, 2, 3, 4, 5].slice(at, at + size));
      whole.push(...convert(format, piece, at % format.bytes));
    }
    expect(whole).toEqual(expected);
  }
});

test("every format of OSS that is samples is there, those that are compressed are not", () => {
  expect(ALL_FORMATS & (AFMT.AFMT_IMA_ADPCM | AFMT.AFMT_MPEG | AFMT.AFMT_AC3)).toBe(0);
  expect(ALL_FORMATS).toBe(0x5f1fb);
  expect(formatOf(AFMT.AFMT_S16_LE | AFMT.AFMT_U8).afmt).toBe(AFMT.AFMT_U8);
});
