// A daemon in a process of its own, for run.test.ts: two devices over a kernel in memory each, whose program is here
// too. It does what it reads from stdin, a word a line, and says on stdout how that ended.

import { once } from "node:events";
import { createInterface } from "node:readline";
import {
  type AnyDevice,
  type ChannelKind,
  defineDevice,
  MemoryKernel,
  runDaemon,
  wouldBlock,
} from "../../src/index.ts";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const { SLOW_CLOSE } = process.env;
// Heard before the daemon's own listener, which runs right after.
if (SLOW_CLOSE === undefined) process.on("SIGUSR2", () => say("SIGUSR2"));

const pipe = defineDevice({
  name: "pipe",
  read: ({ length }) => (length === 1 ? new Uint8Array([0x41]) : wouldBlock),
  release: () => say("released"),
});
const other = defineDevice({ name: "other", release: () => new Promise<void>(() => undefined) });
const devices: Record<string, AnyDevice> = { pipe, other };

const kernels = new Map<string, MemoryKernel>();
const memory: ChannelKind = {
  name: "memory",
  probe: () => ({ usable: true, why: "for a test" }),
  async open(options) {
    const kernel = new MemoryKernel({ abortGraceMs: 60_000 });
    kernels.set(options.driver.name, kernel);
    const channel = await kernel.open(options);
    const close = async () => {
      say(`closing ${options.driver.name}`);
      await channel.close();
    };
    const leave = async () => say(`leaving ${options.driver.name}`);
    return { ...channel, close, ...(process.env["LEAVES"]?.includes(options.driver.name) ? { leave } : {}) };
  },
};
const broken: ChannelKind = {
  name: "broken",
  probe: () => ({ usable: false, why: "it never works" }),
  open: memory.open,
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const [what, name = "pipe"] = line.split(" ");
  const file = await kernels.get(name)?.openFile();
  if (what === "wait") void file?.read(10).then((bytes) => say(`read ${bytes.length} bytes`));
  if (what === "read") await file?.read(1);
  if (what === "storm") for (let i = 0; i < 2000; i++) await file?.read(1);
  say(`did ${what}`);
});

const chosen = (process.env["DEVICES"] ?? "pipe").split(",").flatMap((name) => devices[name] ?? []);
await runDaemon(chosen, {
  channels: process.env["BROKEN"] === "1" ? [broken] : [memory, broken],
  program: "piped",
  version: "1.2.3",
  about: "a test",
  close: async () => {
    say("closed");
    if (SLOW_CLOSE !== undefined) await once(process.stdin, "end");
  },
});
