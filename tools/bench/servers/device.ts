// The devices of the benchmark, as ../protocol.h says, written as any author would write them.

import {
  type AnyDevice,
  array,
  bytes,
  command,
  type Device,
  defineDevice,
  flagged,
  iowr,
  POLL,
  ptr,
  struct,
  u16,
  u32,
  wouldBlock,
} from "@devlift/core";

export type Kind = "memory" | "page";

const I2C_M_RD = 0x0001;
const LARGEST = 1024 * 1024;

const Flat = struct({ words: array(u32, 16) });
const I2cMessage = struct({
  addr: u16,
  flags: u16,
  len: u16,
  buf: ptr(bytes("len", { max: 8192 }), flagged("flags", I2C_M_RD, "out", "in")),
});
const I2cRdwr = struct({ msgs: ptr(array(I2cMessage, "nmsgs", { max: 42 })), nmsgs: u32 });

function memory(name: string): AnyDevice {
  const contents = new Uint8Array(LARGEST);
  return defineDevice({
    name,
    read: ({ length }) => contents.subarray(0, length),
    write: ({ data }) => data.length,
    commands: { FLAT: iowr("B", 1, Flat), I2C_RDWR: command(0x0707, I2cRdwr) },
    ioctl: {
      FLAT({ arg }) {
        arg.words[0] = (arg.words[0] ?? 0) + 1;
      },
      I2C_RDWR({ arg }) {
        for (const message of arg.msgs) if ((message.flags & I2C_M_RD) !== 0) message.buf.fill(message.addr);
        return arg.msgs.length;
      },
    },
  });
}

interface Reader {
  seen: number;
}

function page(name: string): AnyDevice {
  const fresh = new Uint8Array(1);
  let number = 0;
  const device: Device<Reader, Record<never, never>> = defineDevice({
    name,
    open: (): Reader => ({ seen: number }),
    read({ state }) {
      if (state.seen === number) return wouldBlock;
      state.seen = number;
      return fresh;
    },
    write({ data }) {
      number++;
      device.readable();
      return data.length;
    },
    poll: ({ state }) => (state.seen === number ? POLL.OUT : POLL.IN | POLL.OUT),
  });
  return device;
}

export function benchDevice(kind: string, name: string): AnyDevice {
  return kind === "page" ? page(name) : memory(name);
}
