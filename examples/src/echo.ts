// Gives back what was written to it last.
// Shows: write beside read; what all open files share is a variable, what each has for itself is `state`.
//
//   node --import tsx examples/src/echo.ts --channel fuse --path /tmp/echo &
//   echo HI THERE > /tmp/echo; cat /tmp/echo; cat /tmp/echo

import { defineDevice, runDaemon } from "@devlift/core";
import { isMain } from "./is-main.ts";

let written = new Uint8Array();

export const echo = defineDevice({
  name: "echo",
  open: () => ({ at: 0 }),
  read({ state, length }) {
    const given = written.subarray(state.at, state.at + length);
    state.at += given.length;
    return given;
  },
  write({ data }) {
    written = data.slice(); // a copy: `data` is valid until the answer
    return data.length;
  },
});

if (isMain(import.meta)) await runDaemon(echo);
