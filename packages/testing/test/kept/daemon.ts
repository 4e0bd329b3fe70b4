// A daemon for cases.ts, whose device outlives it: what is written is there to be read, but for a few words. What
// it says of a call names the daemon that had the file first, and that has it now, and tells what is read again.

import { writeSync } from "node:fs";
import { cuse, defineDevice as define, type defineDevice, io, POLL, runDaemon, wouldBlock } from "@devlift/core";
import { keptFile } from "./kept-file.ts";

const say = (line: string) => void writeSync(1, `${line}\n`);
/** A call that this daemon has, and does not answer. */
const never = (what: string) => {
  say(`${what} waits`);
  return new Promise<never>(() => undefined);
};
const counters = { generation: 0, releases: 1 } as const;
const [COUNT, WAIT] = [io("U", 1), io("U", 2)];
const O_APPEND = 0o2000;
let memory = new Uint8Array(8);
let held: Uint8Array = new Uint8Array(0);

interface State {
  readonly since: number;
  lingers?: boolean;
}

const device: ReturnType<typeof defineDevice<State, { readonly COUNT: typeof COUNT; readonly WAIT: typeof WAIT }>> =
  define({
    name: "devlift-kept",
    recovery: {
      ms: 30_000,
      policy: { open: "reissue", read: "reissue", ioctl: "hold" },
      memory: {
        size: memory.length,
        mapped(bytes, recovered) {
          memory = bytes;
          const generation = memory[counters.generation] ?? 0;
          memory[counters.generation] = generation + 1;
          say(`generation ${generation + 1}${recovered ? ", recovered" : ""}`);
        },
      },
    },
    open({ flags }): State | Promise<never> {
      const generation = memory[counters.generation] ?? 0;
      return (flags & O_APPEND) !== 0 && generation === 1 ? never("open") : { since: generation };
    },
    recover({ file }): State {
      if (file.number < 1n) say("a file without a number");
      return { since: 1 };
    },
    release({ state }) {
      memory[counters.releases] = (memory[counters.releases] ?? 0) + 1;
      return state.lingers ? never("release") : undefined;
    },
    read({ state, reissued }) {
      if (held.length === 0) {
        say("read waits");
        return wouldBlock;
      }
      const text = `${state.since} ${memory[counters.generation]} ${reissued ? "again " : ""}${Buffer.from(held)}`;
      held = new Uint8Array(0);
      return Buffer.from(text);
    },
    write({ data, state, file }) {
      const word = Buffer.from(data).toString();
      if (word === "lost") return never("write");
      if (word === "hangs up") file.hangup("ENODEV");
      if (word === "lingers") state.lingers = true;
      // The request is with the daemon, and nowhere noted.
      if (word === "spins") for (say("spinning"); ; );
      held = data.slice();
      device.readable();
      return data.length;
    },
    poll: () => {
      say("poll asked");
      return POLL.OUT | (held.length > 0 ? POLL.IN : 0);
    },
    commands: { COUNT, WAIT },
    ioctl: {
      COUNT: () => memory[counters.releases] ?? 0,
      WAIT: () => never("ioctl"),
    },
  });

// The words: a channel, and where.
const [channel = "", path = ""] = process.argv.slice(2);
await runDaemon(device, { args: ["--channel", channel, "--path", path], channels: [cuse, keptFile] });
