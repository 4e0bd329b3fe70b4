// Sample formats: OSS's, what each is for a sound server, and the way between the two.
// Every format has a counterpart of the same size, so no count of bytes changes on the way.

import { AFMT_V4 } from "@devlift/uapi/oss4";
import { AFMT } from "@devlift/uapi/soundcard";
import type { SampleFormat } from "./backend/backend.ts";

export interface Format {
  /** As soundcard.h has it, without AFMT_. */
  readonly name: string;
  /** Its bit in SNDCTL_DSP_GETFMTS. */
  readonly afmt: number;
  readonly server: SampleFormat;
  /** Bytes of a sample. */
  readonly bytes: number;
  /** The byte of each sample whose highest bit differs from the server's: unsigned against signed. */
  readonly flipped?: number;
}

/** /dev/dsp's at open, and what stands in for a format that is not there (pcm_oss.c). */
export const U8: Format = { name: "U8", afmt: AFMT.AFMT_U8, server: "u8", bytes: 1 };
/** /dev/audio's at open. */
export const MU_LAW: Format = { name: "MU_LAW", afmt: AFMT.AFMT_MU_LAW, server: "ulaw", bytes: 1 };

const FORMATS: readonly Format[] = [
  U8,
  MU_LAW,
  { name: "A_LAW", afmt: AFMT.AFMT_A_LAW, server: "alaw", bytes: 1 },
  { name: "S8", afmt: AFMT.AFMT_S8, server: "u8", bytes: 1, flipped: 0 },
  { name: "S16_LE", afmt: AFMT.AFMT_S16_LE, server: "s16le", bytes: 2 },
  { name: "S16_BE", afmt: AFMT.AFMT_S16_BE, server: "s16be", bytes: 2 },
  { name: "U16_LE", afmt: AFMT.AFMT_U16_LE, server: "s16le", bytes: 2, flipped: 1 },
  { name: "U16_BE", afmt: AFMT.AFMT_U16_BE, server: "s16be", bytes: 2, flipped: 0 },
  { name: "S24_PACKED", afmt: AFMT_V4.AFMT_S24_PACKED, server: "s24le", bytes: 3 },
  { name: "S24_LE", afmt: AFMT_V4.AFMT_S24_LE, server: "s24_32le", bytes: 4 },
  { name: "S24_BE", afmt: AFMT_V4.AFMT_S24_BE, server: "s24_32be", bytes: 4 },
  { name: "S32_LE", afmt: AFMT_V4.AFMT_S32_LE, server: "s32le", bytes: 4 },
  { name: "S32_BE", afmt: AFMT_V4.AFMT_S32_BE, server: "s32be", bytes: 4 },
  // In the machine's own order, and the machines that this is for are little-endian.
  { name: "FLOAT", afmt: AFMT_V4.AFMT_FLOAT, server: "float32le", bytes: 4 },
];

/** All of them, as SNDCTL_DSP_GETFMTS says it. */
export const ALL_FORMATS: number = FORMATS.reduce((bits, { afmt }) => bits | afmt, 0);

/** What SNDCTL_DSP_SETFMT sets: U8 for what is not there, as the kernel's emulation does. */
export function formatOf(afmt: number): Format {
  return FORMATS.find((format) => format.afmt === afmt) ?? U8;
}

/** From OSS's samples to the server's and back, which is the same; in place. @param at where in a sample `data` begins */
export function convert({ flipped, bytes }: Format, data: Uint8Array, at = 0): Uint8Array {
  if (flipped === undefined) return data;
  for (let index = (flipped - at + bytes) % bytes; index < data.length; index += bytes)
    data[index] = (data[index] ?? 0) ^ 0x80;
  return data;
}

/** The byte that silence is made of, as the server takes it. */
export function silenceOf({ server }: Format): number {
  return server === "u8" ? 0x80 : server === "alaw" ? 0xd5 : server === "ulaw" ? 0xff : 0;
}
