// Where the kernel's emulation gives something else, on purpose: what it gives, what we give, and why.

type Difference = readonly [kernel: string, ours: string, reason: string];

/** The same for each way to open. */
function ofEachWay(name: string, difference: Difference): [string, Difference][] {
  return ["O_WRONLY", "O_RDONLY", "O_RDWR"].map((way) => [`${name}, ${way}`, difference]);
}

const CAPS = "no MMAP, because there is none; MULTI for recording, too; and OSS 4's INPUT and OUTPUT";
const SYNC = "the kernel has made all that was written whole fragments, and begun to count anew";
const FRAGMENTS = "nobody asked for a size: the kernel's follows the sound card's buffer";

export const DIFFERENCES: ReadonlyMap<string, Difference> = new Map<string, Difference>([
  ["GETCAPS, O_WRONLY", ["0x7201", "0x25201", CAPS]],
  ["GETCAPS, O_RDONLY", ["0x3201", "0x15201", CAPS]],
  ["GETCAPS, O_RDWR", ["0x7301", "0x35301", CAPS]],
  ...ofEachWay("GETFMTS", ["0x5b1f9", "0x5f1fb", "A-law and float are the sound server's, too"]),
  ["SETFMT 2", ["8; 8", "2; 2", "A-law"]],
  ...ofEachWay("OSS_GETVERSION", ["0x30810", "0x40100", "programs look here to know that OSS 4 is there"]),
  [
    "write, SYNC",
    [
      'undefined; 0x9c40; true; undefined; 0; {"bytes":32768,"blocks":0,"ptr":0}',
      'undefined; 0x9c40; true; undefined; 0; {"bytes":40000,"blocks":0,"ptr":40000}',
      SYNC,
    ],
  ],
  [
    "write, RESET",
    [
      "undefined; 0x9c40; undefined; 0; 16384 true true true true",
      "undefined; 0x9c40; undefined; 0; 8192 true true true true",
      FRAGMENTS,
    ],
  ],
]);
