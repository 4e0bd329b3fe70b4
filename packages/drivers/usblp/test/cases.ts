// The calls that are made on usblp.ko's device file and on ours. "a" is opened for reading and writing before.

import { fillPattern } from "@devlift/testing/calls";
import * as it from "./bench.ts";

/** On any printer with one bidirectional setting. */
export const CASES: readonly it.Case[] = [
  {
    name: "one open at a time",
    async run(bench) {
      const { program } = bench;
      await bench.note("second open", program.open("b", it.LP, it.O_RDWR));
      await bench.note("second open, O_NONBLOCK", program.open("b", it.LP, it.O_RDWR | it.O_NONBLOCK));
      await bench.note("dup2", program.dup2("a", "d"));
      await bench.note("close", program.close("a"));
      await bench.note("still open", program.open("b", it.LP, it.O_RDWR));
      await bench.note("last close", program.close("d"));
      await bench.note("open again", program.open("a", it.LP, it.O_RDWR));
    },
  },
  {
    name: "what it is",
    async run(bench) {
      await bench.ioctl("GET_DEVICE_ID, cut", it.LPIOC_GET_DEVICE_ID(12), 16);
      await bench.ioctl("GET_DEVICE_ID, 2", it.LPIOC_GET_DEVICE_ID(2), 4);
      await bench.ioctl("GET_PROTOCOLS", it.LPIOC_GET_PROTOCOLS(8), 8);
      await bench.ioctl("GET_PROTOCOLS, too small", it.LPIOC_GET_PROTOCOLS(4), 8);
      await bench.busAddress();
      await bench.ioctl("GET_BUS_ADDRESS, too small", it.LPIOC_GET_BUS_ADDRESS(7), 8);
      await bench.ioctl("GET_VID_PID", it.LPIOC_GET_VID_PID(8), 8);
      await bench.ioctl("LPGETSTATUS", it.LPGETSTATUS, 8);
      await bench.end.status(0x38);
      await bench.ioctl("LPGETSTATUS, paper is out", it.LPGETSTATUS, 4);
      await bench.end.status(0x18);
    },
  },
  {
    name: "the whole device ID, in the buffer that programs use",
    async run(bench) {
      const { data } = await bench.program.ioctlBuffer("a", it.LPIOC_GET_DEVICE_ID(1024), new Uint8Array(1024));
      bench.lines.push(Buffer.from(data).toString("latin1").replace(/\0+$/, ""));
    },
  },
  {
    name: "a buffer that is longer than what goes into it",
    run: (bench) => bench.ioctl("GET_VID_PID", it.LPIOC_GET_VID_PID(12), 12).then(() => undefined),
    differs: {
      kernel: ["GET_VID_PID: 0 25050000a8a400005a5a5a5a"],
      ours: ["GET_VID_PID: 0 25050000a8a4000000000000"],
      why: "the rest of the buffer is zeroes",
    },
  },
  {
    name: "a number with another direction",
    run: (bench) => bench.ioctl("GET_DEVICE_ID", 0xc008_5001, 8).then(() => undefined),
    differs: {
      kernel: ["GET_DEVICE_ID: EINVAL"],
      ours: ["GET_DEVICE_ID: ENOTTY"],
      why: "a number that no header makes",
    },
  },
  {
    name: "what it does not know, and bad pointers",
    async run(bench) {
      const { program } = bench;
      await bench.ioctl("unknown", it.LPIOC_UNKNOWN, 8);
      await bench.ioctl("LPRESET", it.LPRESET, 8);
      await bench.ioctl("TCGETS", it.TCGETS, 64);
      await bench.note("HP_SET_CHANNEL", program.ioctl("a", it.LPIOC_HP_SET_CHANNEL, 1));
      for (const [name, request] of Object.entries({
        LPGETSTATUS: it.LPGETSTATUS,
        LPIOC_GET_DEVICE_ID: it.LPIOC_GET_DEVICE_ID(64),
        LPIOC_GET_PROTOCOLS: it.LPIOC_GET_PROTOCOLS(8),
        LPIOC_GET_VID_PID: it.LPIOC_GET_VID_PID(8),
      }))
        await bench.note(`${name} to nowhere`, program.ioctl("a", request, 8));
    },
  },
  {
    name: "protocols, and LPABORT",
    async run(bench) {
      const { program } = bench;
      await bench.note("LPABORT 1", program.ioctl("a", it.LPABORT, 1));
      await bench.note("LPABORT 0", program.ioctl("a", it.LPABORT, 0));
      await bench.note("nothing to read", program.poll("a", it.ANY, 0));
      await bench.note("SET_PROTOCOL 2", program.ioctl("a", it.LPIOC_SET_PROTOCOL, 2));
      await bench.note("poll", program.poll("a", it.ANY, 0));
      await bench.note("the read that it ended", program.read("a", 1));
      for (const protocol of [0, 1, 3, 4])
        await bench.note(`SET_PROTOCOL ${protocol}`, program.ioctl("a", it.LPIOC_SET_PROTOCOL, protocol));
      await bench.note("the read that they ended", program.read("a", 1));
      await bench.ioctl("GET_PROTOCOLS", it.LPIOC_GET_PROTOCOLS(8), 8);
    },
  },
  {
    name: "soft reset",
    run: (bench) => bench.note("SOFT_RESET", bench.program.ioctl("a", it.LPIOC_SOFT_RESET, 0)).then(() => undefined),
  },
  {
    name: "what is written is printed, byte for byte",
    async run(bench) {
      const { program } = bench;
      // No 512: the gadget gives what ends with a full packet to its reader with what comes next.
      for (const length of [1, 63, 64, 500, 8191, 8192, 8193, 100_000]) {
        await bench.prints(fillPattern(length), `write ${length}`, program.fill("a", length));
      }
      await bench.note("poll", program.poll("a", it.ANY, 0));
    },
  },
  {
    name: "O_NONBLOCK takes a block at a time",
    async run(bench) {
      const { program } = bench;
      await program.nonBlock("a", true);
      await bench.prints(fillPattern(20_000).subarray(0, 8192), "write 20000", program.fill("a", 20_000));
      await bench.note("poll", program.poll("a", 4, it.PATIENCE_MS));
      await bench.note("read", program.read("a", 1));
    },
  },
  {
    name: "what the printer says is read",
    async run(bench) {
      const { program, end } = bench;
      const reading = bench.note("read that waits", program.read("a", 100));
      await end.says("hello");
      await reading;
      await end.says("abc");
      await bench.note("poll that waits", program.poll("a", 1, it.PATIENCE_MS));
      await bench.note("poll", program.poll("a", it.ANY, 0));
      await bench.note("select", program.select("a", "rw", it.PATIENCE_MS));
      await bench.note("read 2 of 3", program.read("a", 2));
      await bench.note("read", program.read("a", 100));
      await bench.note("poll, nothing there", program.poll("a", it.ANY, 0));
      await program.nonBlock("a", true);
      await bench.note("read, nothing there", program.read("a", 100));
    },
  },
  {
    name: "a signal ends a read that waits",
    async run(bench) {
      const { program } = bench;
      await program.signals(50);
      await bench.note("read", program.read("a", 1));
      await bench.note("poll", program.poll("a", 1, it.PATIENCE_MS));
      await program.signals(0);
    },
  },
];

/** On a printer that has the first block and no more. */
export const HELD: it.Case = {
  name: "a printer that takes no more",
  async run(bench) {
    const { program } = bench;
    // Long after the first block has gone.
    await program.signals(2000);
    await bench.note("write of two blocks", program.fill("a", 8192 + 100));
    await bench.note("write", program.fill("a", 1));
    await program.signals(0);
    await bench.note("poll", program.poll("a", it.ANY, 0));
    await program.nonBlock("a", true);
    await bench.note("write, O_NONBLOCK", program.fill("a", 1));
    await program.nonBlock("a", false);
    await bench.end.status(0x38);
    await program.ioctl("a", it.LPABORT, 1);
    await bench.note("write, LPABORT, no paper", program.fill("a", 100));
    await bench.note("poll", program.poll("a", it.ANY, 0));
    await bench.end.status(0x18);
    await bench.note("close", program.close("a"));
    await bench.note("open", program.open("a", it.LP, it.O_RDWR));
    await bench.note("poll", program.poll("a", it.ANY, 0));
  },
};

/** On a printer with the settings 1, 2 and 3. */
export const SETTINGS: it.Case = {
  name: "alternate settings",
  async run(bench) {
    const { program } = bench;
    await bench.ioctl("GET_PROTOCOLS", it.LPIOC_GET_PROTOCOLS(8), 8);
    for (const protocol of [1, 3, 4, 2]) {
      await bench.note(`SET_PROTOCOL ${protocol}`, program.ioctl("a", it.LPIOC_SET_PROTOCOL, protocol));
      await bench.ioctl("GET_PROTOCOLS", it.LPIOC_GET_PROTOCOLS(8), 8);
      await bench.note("poll", program.poll("a", it.ANY, 0));
      await bench.note("read", program.read("a", 1));
      await bench.prints(fillPattern(100), "write", program.fill("a", 100));
    }
  },
};
