// One ioctl of each sort: without data, with a number, out, in, inout, and with pointers in what the pointer points to.
// Shows: the argument is described once, as C has it; sizes, limits and bad pointers are checked before a handler runs.
//
//   node --import tsx examples/src/ioctl.ts --channel fuse --path /tmp/ioctl &
//   perl -e 'open F, "+<", "/tmp/ioctl"; ioctl F, 0xc0784705, $_ = pack "a60 a60", "hey"; print unpack "Z60"'

import {
  array,
  bytes,
  cstring,
  DeviceError,
  defineDevice,
  io,
  ior,
  iow,
  iowr,
  ptr,
  runDaemon,
  struct,
  u32,
} from "@devlift/core";
import { isMain } from "./is-main.ts";

/** `struct { char string1[60]; char string2[60]; }` */
const Strings = struct({ string1: cstring(60), string2: cstring(60) });

/** `struct iovec`, but for a 32-bit length. */
const Piece = struct({ base: ptr(bytes("length", { max: 256 })), length: u32 });

/** `struct { struct piece *pieces; __u32 count; __u32 room; char *joined; }`: the handler fills `joined`. */
const Join = struct({
  pieces: ptr(array(Piece, "count", { max: 16 })),
  count: u32,
  room: u32,
  joined: ptr(bytes("room", { max: 4096 }), "out"),
});

const TYPE = 71; // a number of this driver's own: what _IO() and its like take first

export const ioctl = defineDevice({
  name: "ioctltest",
  open: () => ({ string1: "nothing", string2: "yet" }),
  commands: {
    PING: io(TYPE, 0, "none"),
    ADD_ONE: io(TYPE, 1), // an int in the place of a pointer
    GET: ior(TYPE, 3, Strings),
    SET: iow(TYPE, 4, Strings),
    CAPITALIZE: iowr(TYPE, 5, Strings),
    JOIN: iow(TYPE, 6, Join), // pointers in a struct: on every channel but fuse
  },
  ioctl: {
    PING() {}, // what a handler returns is what ioctl(2) returns; nothing means 0
    ADD_ONE: ({ arg }) => arg + 1,
    GET({ arg, state }) {
      Object.assign(arg, state); // changed in place, `arg` goes back to the caller
    },
    SET({ arg, state }) {
      Object.assign(state, arg);
    },
    CAPITALIZE({ arg }) {
      arg.string1 = arg.string1.toUpperCase();
      arg.string2 = arg.string2.toUpperCase();
    },
    JOIN({ arg }) {
      const joined = Buffer.concat(arg.pieces.map((piece) => piece.base));
      if (joined.length > arg.room) throw new DeviceError("ENOSPC", `${joined.length} bytes, room for ${arg.room}`);
      arg.joined.set(joined);
      return joined.length;
    },
  },
});

if (isMain(import.meta)) await runDaemon(ioctl);
