// A text in memory: what is written here, programs that have mapped it read without a call, and what they put there,
// cat reads. The number in front is odd while this daemon changes the text, and another one when it has: by that a
// program knows that it has all of a text, and a new one (mmap-read.py does).
// Shows: mmap. It needs the module in kernel/fusd: modprobe fusd, as root.
//
//   node --import tsx examples/src/mmap.ts &
//   echo HI THERE > /dev/mmap; cat /dev/mmap; python3 examples/src/mmap-read.py

import { defineDevice, runDaemon } from "@devlift/core";
import { isMain } from "./is-main.ts";

const SIZE = 4096;
let number = new Int32Array(1);
let text = new Uint8Array();

export const mmap = defineDevice({
  name: "mmap",
  mmap: {
    size: SIZE,
    mapped(memory) {
      number = new Int32Array(memory.buffer, 0, 1);
      text = memory.subarray(4);
    },
  },
  open: () => ({ at: 0 }),
  read({ state, length }) {
    const end = text.indexOf(0);
    const given = text.slice(state.at, Math.min(state.at + length, end < 0 ? SIZE : end)); // others may change it
    state.at += given.length;
    return given;
  },
  write({ data }) {
    Atomics.add(number, 0, 1);
    text.fill(0).set(data.subarray(0, text.length));
    Atomics.add(number, 0, 1);
    return data.length;
  },
});

if (isMain(import.meta)) await runDaemon(mmap);
