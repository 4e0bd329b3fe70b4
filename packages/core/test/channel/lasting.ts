// A daemon in a process of its own, for fusd.vm.test.ts: a file whose contents it forgets when it is killed, but for what
// is asked of it by number. It ends in order with its standard input, and leaves the device to the next one at a word from
// there.

import { writeSync } from "node:fs";
import { defineDevice, fusd, serve } from "../../src/index.ts";

const contents = new Uint8Array(100).fill(0x2e);
const [generation = ""] = process.argv.slice(2);

const device = defineDevice({
  name: "devlift-lasting",
  seekable: true,
  recovery: { ms: 30_000, policy: { read: "reissue", write: "hold", ioctl: "fail" } },
  open: () => "opened",
  recover: ({ file }) => `recovered ${file.number > 0n}`,
  read({ state, offset, length }) {
    // Whoever reads at 50 waits for the next daemon.
    if (offset === 50 && state === "opened") return new Promise<Uint8Array>(() => undefined);
    const text = new TextEncoder().encode(`${generation} ${state}`);
    return offset === 50 ? text.subarray(0, length) : contents.subarray(offset, offset + length);
  },
  write({ data, offset }) {
    contents.set(data, offset);
    return data.length;
  },
  seek: ({ offset, whence }) => (whence === 2 ? contents.length + offset : offset),
  fsync: ({ dataOnly }) => void writeSync(1, `fsync ${dataOnly}\n`),
});

const channel = await serve(device, { channel: fusd });
process.stdin.on("data", () => void channel.leave?.().then(() => process.exit(0)));
process.stdin.on("end", () => void channel.close().then(() => process.exit(0)));
writeSync(1, `ready ${generation}\n`);
