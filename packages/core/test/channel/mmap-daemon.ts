// A daemon with memory that outlives it: it says what it found there, and writes what it is given.
//   mmap-daemon.ts SIZE

import { defineDevice, serve, silent } from "../../src/index.ts";

let memory = new Uint8Array();

const device = defineDevice({
  name: "mmap-lasting",
  recovery: { ms: 60_000 },
  mmap: {
    size: Number(process.argv[2]),
    mapped(mapped) {
      memory = mapped;
    },
  },
  write({ data }) {
    memory.set(data);
    return data.length;
  },
});

try {
  const channel = await serve(device, { channel: "fusd", log: silent });
  process.once("SIGTERM", () => void channel.close());
  console.log(memory.length, Buffer.from(memory).toString().replaceAll("\0", ""));
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
}
