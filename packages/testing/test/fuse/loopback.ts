// The device of the FUSE tests: a loop-back with room for 64 bytes, and an ioctl of each kind.

import { command, defineDevice, io, ior, iow, iowr, POLL, struct, u32, wouldBlock } from "@devlift/core";

export const Pair = struct({ a: u32, b: u32 });

export const ROOM = 64;

/** `onBlocked` runs when a reader has to wait. */
export function loopback(name: string, onBlocked: () => void = () => undefined) {
  let held: Uint8Array = new Uint8Array(0);
  let pair = { a: 0, b: 0 };
  const device = defineDevice({
    name,
    open: () => ({}),
    read({ length }) {
      if (held.length === 0) {
        onBlocked();
        return wouldBlock;
      }
      const given = held.subarray(0, length);
      held = held.subarray(given.length);
      device.writable();
      return given;
    },
    write({ data }) {
      const taken = data.subarray(0, ROOM - held.length);
      if (taken.length === 0) return wouldBlock;
      held = Buffer.concat([held, taken]);
      device.readable();
      return taken.length;
    },
    poll: () => (held.length > 0 ? POLL.IN : 0) | (held.length < ROOM ? POLL.OUT : 0),
    commands: {
      PUT: iow("U", 1, Pair),
      GET: ior("U", 2, Pair),
      SWAP: iowr("U", 3, Pair),
      ADD: io("U", 4),
      OLD_SWAP: command(0x5501, Pair, "inout"),
    },
    ioctl: {
      PUT({ arg }) {
        pair = arg;
      },
      GET({ arg }) {
        Object.assign(arg, pair);
      },
      SWAP({ arg }) {
        [arg.a, arg.b] = [arg.b, arg.a];
      },
      ADD: ({ arg }) => arg + 1,
      OLD_SWAP({ arg }) {
        [arg.a, arg.b] = [arg.b, arg.a];
      },
    },
  });
  return device;
}
