// The kernel's own driver is the judge: the same printers, once behind usblp.ko and once behind the daemon, the same calls
// on both device files by the same C program, in 64 and in 32 bits. One printer is the kernel's gadget on dummy_hcd, whose
// answers nobody here wrote; another is scripted, for what that cannot do (stand still, alternate settings).
// In the second half usblp.ko is still there: it gets each printer first, and the daemon takes it.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { POLL } from "@devlift/core";
import { startUdevd, UsbipServer, VhciPort, waitFor } from "@devlift/testing";
import { CallsProgram } from "@devlift/testing/calls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import * as it from "./bench.ts";
import { Bench, type Case, nodeIs, type PrinterEnd } from "./bench.ts";
import { CASES, HELD, SETTINGS } from "./cases.ts";
import { Daemon } from "./daemon.ts";
import { GADGET_END, GADGET_SET_PRINTER_STATUS, Gadget } from "./gadget.ts";
import { ScriptedPrinter } from "./scripted-printer.ts";

const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");
const BUSID = "1-1";
const recorded = new Map<string, readonly string[]>();
let gadget: Gadget;
let server: UsbipServer;
let daemon: Daemon | undefined;

beforeAll(async () => {
  execFileSync("modprobe", ["-a", "vhci_hcd", "usblp", "cuse"]);
  await startUdevd();
  gadget = Gadget.make();
  server = await UsbipServer.listen();
});

afterAll(async () => {
  await daemon?.stop();
  await server.close();
});

/** Something on the bus, until the returned function unplugs it. */
type Plug = () => Promise<{ readonly end: PrinterEnd; unplug(): Promise<void> }>;

/** Resolves when the device file of what was plugged in is there: with a daemon, the daemon's. */
async function comes(plug: () => Promise<void> | void): Promise<void> {
  const from = daemon?.log.length ?? 0;
  await plug();
  await daemon?.said(/^\/dev\/usb\/lp0 is the printer/, from);
  await nodeIs(true);
}

const pluggedGadget: Plug = async () => {
  await comes(() => gadget.plug());
  const program = new CallsProgram();
  expect(await program.open("g", GADGET_END, it.O_RDWR)).toMatchObject({ result: 0 });
  const end = {
    async printed(length: number) {
      const parts: Buffer[] = [];
      for (let left = length; left > 0; ) {
        const { data } = await program.read("g", left);
        parts.push(Buffer.from(data));
        left -= data.length;
      }
      return Buffer.concat(parts);
    },
    async says(text: string) {
      await program.write("g", Buffer.from(text));
    },
    async status(byte: number) {
      await program.ioctl("g", GADGET_SET_PRINTER_STATUS, byte);
    },
  };
  return {
    end,
    async unplug() {
      await program.stop();
      gadget.unplug();
      await nodeIs(false);
    },
  };
};

function plugged(printer: ScriptedPrinter): Plug {
  return async () => {
    let port: VhciPort | undefined;
    await comes(async () => {
      server.plug(BUSID, printer);
      port = await VhciPort.attach(server, BUSID);
    });
    let read = 0;
    const end = {
      async printed(length: number) {
        const bytes = await printer.told(length, read);
        read += length;
        return bytes;
      },
      says: async (text: string) => printer.push(text),
      status: async (byte: number) => {
        printer.status = byte;
      },
    };
    return {
      end,
      async unplug() {
        await server.unplug(BUSID);
        await port?.free();
        await nodeIs(false);
      },
    };
  };
}

/** Makes the calls of cases, each with an open of its own. */
async function linesOf(plug: Plug, bits: 64 | 32, cases: readonly Case[]): Promise<Map<string, readonly string[]>> {
  const { end, unplug } = await plug();
  const all = new Map<string, readonly string[]>();
  try {
    for (const { name, run } of cases) {
      const program = new CallsProgram(bits);
      try {
        const { errno } = await program.open("a", it.LP, it.O_RDWR);
        expect([name, errno]).toEqual([name, 0]);
        const bench = new Bench(program, end);
        await run(bench);
        all.set(name, bench.lines);
      } finally {
        await program.stop();
      }
    }
  } finally {
    await unplug();
  }
  return all;
}

/** Unplugs the scripted printer. Resolves when its driver knows. */
async function pull(): Promise<void> {
  const from = daemon?.log.length ?? 0;
  const nodes = () => readdirSync("/sys/class/usbmisc").length;
  await server.unplug(BUSID);
  if (daemon !== undefined) await daemon.said(/was unplugged/, from);
  else await waitFor("usblp.ko to hear of it", it.PATIENCE_MS, () => nodes() === 0 || undefined);
}

/**
 * What an unplug does to a program, of a printer that takes nothing.
 * @returns what came of the calls that waited, and of those that came later
 */
async function unplugLines(bits: 64 | 32) {
  const printer = new ScriptedPrinter();
  const [waited, later]: [string[], string[]] = [[], []];
  for (const what of ["read", "write", "poll"] as const) {
    const { end } = await plugged(printer)();
    const program = new CallsProgram(bits);
    const open = printer.hold();
    await program.open("a", it.LP, it.O_RDWR);
    const bench = new Bench(program, end);
    const calls = {
      read: () => program.read("a", 1),
      write: () => program.fill("a", 100),
      poll: () => program.poll("a", POLL.IN, it.PATIENCE_MS),
    };
    const waiting = bench.note(`${what} that waits`, calls[what]());
    await pull();
    await waiting;
    waited.push(...bench.lines.splice(0));
    await bench.note("poll", program.poll("a", it.ANY, 0));
    await bench.note("read", program.read("a", 1));
    await bench.note("write", program.fill("a", 1));
    await bench.ioctl("LPGETSTATUS", it.LPGETSTATUS, 4);
    await bench.note("SET_PROTOCOL", program.ioctl("a", it.LPIOC_SET_PROTOCOL, 2));
    await bench.note("LPABORT", program.ioctl("a", it.LPABORT, 1));
    await bench.note("open", program.open("b", it.LP, it.O_RDWR));
    await bench.note("close", program.close("a"));
    await nodeIs(false);
    later.push(...bench.lines);
    open();
    await program.stop();
  }
  return { waited, later };
}

const REOPEN = {
  kernel: "open: ENOENT",
  ours: "open: ENODEV",
  why: "until the last program has closed it",
};

const SETS: readonly (readonly [string, () => Plug, readonly Case[]])[] = [
  ["the kernel's gadget", () => pluggedGadget, CASES],
  ["a scripted printer", () => plugged(new ScriptedPrinter()), CASES],
  [
    "one that stands still",
    () => {
      const printer = new ScriptedPrinter();
      printer.hold(1);
      return plugged(printer);
    },
    [HELD],
  ],
  ["one with three settings", () => plugged(new ScriptedPrinter({ protocols: [1, 2, 3] })), [SETTINGS]],
  ["one of HP's that is not read", () => plugged(new ScriptedPrinter({ vendorId: 0x03f0, productId: 4 })), [SETTINGS]],
];

describe.each(["usblp.ko", "devlift-usblp"] as const)("%s", (whose) => {
  beforeAll(async () => {
    if (whose === "devlift-usblp") daemon = await Daemon.start(["--channel", "cuse"]);
  });

  afterEach(() => {
    if (daemon !== undefined) expect(daemon.transcript).not.toMatch(/a handler failed|this is a bug/);
  });

  describe.each([64, 32] as const)("a %i-bit program", (bits) => {
    test.each(SETS)("%s", async (set, plug, cases) => {
      const lines = await linesOf(plug(), bits, cases);
      for (const { name, differs } of cases) {
        const key = `${bits} ${set} ${name}`;
        const given = lines.get(name) ?? [];
        if (whose === "usblp.ko") {
          recorded.set(key, given);
          expect(given.length).toBeGreaterThan(0);
          if (differs !== undefined) expect([name, given]).toEqual([name, differs.kernel]);
          continue;
        }
        expect([name, given]).toEqual([name, differs?.ours ?? recorded.get(key)]);
        if (differs !== undefined) expect(readme).toContain(differs.why);
      }
    });

    test("unplug while open", async () => {
      const { waited, later } = await unplugLines(bits);
      const key = `${bits} unplug`;
      if (whose === "usblp.ko") {
        recorded.set(key, later);
        expect(later.filter((line) => line === REOPEN.kernel)).toHaveLength(3);
        // The transfer may fail before the driver hears of the unplug.
        expect(waited.join()).toMatch(
          /^read that waits: (EIO|ENODEV),write that waits: (EIO|ENODEV),poll that waits: (1|17)$/,
        );
        return;
      }
      expect(waited).toEqual(["read that waits: ENODEV", "write that waits: ENODEV", "poll that waits: 17"]);
      expect(later.map((line) => (line === REOPEN.ours ? REOPEN.kernel : line))).toEqual(recorded.get(key));
      expect(later).toContain(REOPEN.ours);
      expect(readme).toContain(REOPEN.why);
    });
  });
});
