// /dev/NAME: what programs write, programs read, once and in order. It says what it can do now; who has to wait, and who
// gets EAGAIN, is the core's to know.

import { defineDevice, POLL, wouldBlock } from "@devlift/core";
import type { Started } from "@devlift/daemon";
import { commands } from "./protocol.ts";

/** Bytes. */
const CAPACITY = 4096;

export function createDevice() {
  let held: Uint8Array = new Uint8Array(0);
  const device = defineDevice({
    name: "NAME",
    read({ length }) {
      if (held.length === 0) return wouldBlock;
      const given = held.subarray(0, length);
      held = held.subarray(given.length);
      device.writable();
      return given;
    },
    write({ data }) {
      const taken = data.subarray(0, CAPACITY - held.length);
      if (taken.length === 0) return wouldBlock;
      held = Uint8Array.from([...held, ...taken]);
      device.readable();
      return taken.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | (held.length < CAPACITY ? POLL.OUT : 0),
    commands,
    ioctl: {
      GET_STATUS({ arg }) {
        arg.held = held.length;
        arg.room = CAPACITY - held.length;
      },
      CLEAR() {
        held = new Uint8Array(0);
        device.writable();
      },
    },
  });
  return device;
}

export function start(): Started {
  return { devices: [createDevice()] };
}
