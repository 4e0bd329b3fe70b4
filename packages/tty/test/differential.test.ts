// The kernel's pty is the oracle: random sequences of settings, input, reads, writes and flushes, on a pty and on our
// port. Whatever a program or the hardware can see must be the same.

import { setImmediate } from "node:timers/promises";
import { encode } from "@devlift/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CC, CFLAG, IFLAG, LFLAG, OFLAG, Termio, Termios, Termios2, termioOf } from "../src/termios.ts";
import { Bench, type Client, O_NONBLOCK, O_RDWR } from "./bench.ts";
import { KernelPort } from "./kernel-port.ts";

/** Ends a line wherever there are lines (VEOL), and is a plain character elsewhere: its effect can be seen at once. */
const SENTINEL = "e".charCodeAt(0);
/** N_TTY_BUF_SIZE. */
const ECHO_RING = 4096;
/** How long the kernel's work queue may take before a difference counts. */
const PATIENCE_MS = 10_000;

class Pair {
  readonly kernel = new KernelPort();
  readonly bench = new Bench();
  readonly #output: number[] = [];
  #client: Client | undefined;

  async open(): Promise<this> {
    await this.bench.serve();
    this.#client = await this.bench.open(O_RDWR | O_NONBLOCK);
    const cooked = this.kernel.get("TCGETS2", Termios2);
    cooked.c_cc[CC.VEOL] = SENTINEL;
    await this.set("TCSETS2", cooked);
    return this;
  }

  async close(): Promise<void> {
    this.kernel.close();
    await this.bench.close();
  }

  get ours(): Client {
    if (this.#client === undefined) throw new RangeError("not open");
    return this.#client;
  }

  async read(length: number): Promise<void> {
    expect(await orUndefined(this.ours.file.read(length))).toEqual(this.kernel.read(length));
    await this.same();
  }

  async write(data: Uint8Array): Promise<void> {
    expect(await orUndefined(this.ours.file.write(data))).toEqual(this.kernel.write(data));
    await this.same();
  }

  async set(name: SetName, value: Termios2): Promise<void> {
    const bytes = SET[name](value);
    this.bench.line.sendAll();
    await this.ours.put(name, bytes);
    expect(this.kernel.call(name, bytes)).toBe(0);
    expect(await this.ours.termios()).toEqual(this.kernel.get("TCGETS2", Termios2));
    await this.same();
  }

  async flush(): Promise<void> {
    await this.ours.call("TCFLSH", 0);
    expect(this.kernel.call("TCFLSH", 0)).toBe(0);
    await this.same();
  }

  /**
   * The hardware sends something, and as much more as it takes for its end to be seen: that is how to know when the
   * kernel has worked it off.
   */
  async feed(bytes: Uint8Array): Promise<void> {
    const before = await this.#visible();
    const fed = [...bytes];
    this.bench.line.host.received(bytes);
    for (let tries = 0; same(await this.#visible(), before); tries++) {
      if (tries === 4) throw new RangeError("the end of the input cannot be seen");
      fed.push(SENTINEL);
      this.bench.line.host.received(Uint8Array.of(SENTINEL));
    }
    this.kernel.gives(Uint8Array.from(fed));
    await this.same();
  }

  /** Waits until the kernel's port looks as ours. */
  async same(): Promise<void> {
    const ours = await this.#visible();
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const kernel = { input: this.kernel.int("FIONREAD"), output: this.kernel.output() };
      if (same(kernel, ours)) return;
      // A defect of the kernel's that is not to be copied. flush_echoes() sends what process_echoes() has not marked yet;
      // where IXON is switched off next, process_echoes() goes back to its mark, all around the ring of echoes, and sends
      // its 4096 bytes (drivers/tty/n_tty.c). Seen with ECHOPRT. Such a sequence is not compared further.
      fc.pre(kernel.output.length - ours.output.length < ECHO_RING / 2);
      if (performance.now() > end || kernel.output.length > ours.output.length) expect(ours).toEqual(kernel);
      await setImmediate();
    }
  }

  async #visible(): Promise<Visible> {
    this.#output.push(...this.bench.line.written.splice(0));
    return { input: await this.ours.int("FIONREAD"), output: [...this.#output] };
  }
}

interface Visible {
  readonly input: number;
  readonly output: readonly number[];
}

function same(a: Visible, b: Visible): boolean {
  return a.input === b.input && a.output.length === b.output.length && a.output.every((c, at) => c === b.output[at]);
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

const SET = {
  TCSETS: (value: Termios2) => encode(Termios, "lp64", value),
  TCSETSF: (value: Termios2) => encode(Termios, "lp64", value),
  TCSETS2: (value: Termios2) => encode(Termios2, "lp64", value),
  TCSETA: (value: Termios2) => encode(Termio, "lp64", termioOf(value)),
} as const;
type SetName = keyof typeof SET;

/** Any of these flags. VINTR and its like come in their own step: what they drop of the output is a race on a pty. */
function anyOf(flags: readonly number[]): fc.Arbitrary<number> {
  return fc.subarray([...flags]).map((some) => some.reduce((sum, flag) => sum | flag, 0));
}

const { IXOFF: _sends, ...INPUT } = IFLAG;
const { EXTPROC: _not, TOSTOP: _ours, ...LOCAL } = LFLAG;

const characters = fc
  .record({
    min: fc.nat(60),
    time: fc.nat(3),
    off: fc.subarray([CC.VERASE, CC.VKILL, CC.VEOF, CC.VEOL2, CC.VREPRINT, CC.VWERASE, CC.VLNEXT, CC.VSTART], {
      maxLength: 2,
    }),
  })
  .map(({ min, time, off }) => {
    const c_cc = Uint8Array.of(3, 28, 127, 21, 4, time, min, 0, 17, 19, 26, SENTINEL, 18, 15, 23, 22, 0x7c, 0, 0);
    for (const place of off) c_cc[place] = 0;
    return c_cc;
  });

const termios: fc.Arbitrary<Termios2> = fc.record({
  c_iflag: anyOf(Object.values(INPUT)),
  c_oflag: anyOf(Object.values(OFLAG)),
  // A pty is always CS8, CREAD and without parity.
  c_cflag: anyOf([CFLAG.HUPCL, CFLAG.CLOCAL, 0xd, 0x1002, 0x1000]).map((cflag) => cflag | CFLAG.CS8 | CFLAG.CREAD),
  c_lflag: anyOf(Object.values(LOCAL)),
  c_line: fc.constant(0),
  c_cc: characters,
  c_ispeed: fc.nat(500_000),
  c_ospeed: fc.nat(500_000),
});

const SPECIAL = [..."ab A_1\t\n\r\b|e", ...["\x7f\x15\x17\x16\x12\x04\x11\x13\x0f"].join("")].map((c) =>
  c.charCodeAt(0),
);
const input = fc.uint8Array({ maxLength: 40 }).map((bytes) =>
  // Mostly what means something, and some of everything. Signals not here.
  bytes
    .map((byte) =>
      byte < 0xe0 ? (SPECIAL[byte % SPECIAL.length] ?? byte) : ([0, 0xff, 0xc3, 0xa9, 0x80, 0xe9][byte % 6] ?? 0),
    )
    .filter((byte) => byte !== 3 && byte !== 28 && byte !== 26),
);

type Step = (pair: Pair) => Promise<void>;

/** A step that shows itself when it is part of a failure. */
function step(text: string, run: Step): Step {
  return Object.assign(run, { [fc.toStringMethod]: () => text });
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom<SetName>("TCSETS", "TCSETS2", "TCSETSF", "TCSETA"), termios)
      .map(([how, value]) =>
        step(`${how} ${JSON.stringify({ ...value, c_cc: [...value.c_cc] })}`, (pair) => pair.set(how, value)),
      ),
  },
  { weight: 6, arbitrary: input.map((bytes) => step(`feed ${hex(bytes)}`, (pair) => pair.feed(bytes))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(3, 28, 26).map((c) => step(`feed ${c}`, (pair) => pair.feed(Uint8Array.of(c)))),
  },
  {
    weight: 5,
    arbitrary: fc
      .oneof(fc.nat(12), fc.constantFrom(63, 64, 65, 200, 4096))
      .map((n) => step(`read ${n}`, (pair) => pair.read(n))),
  },
  { weight: 2, arbitrary: input.map((bytes) => step(`write ${hex(bytes)}`, (pair) => pair.write(bytes))) },
  { weight: 1, arbitrary: fc.constant(step("flush", (pair) => pair.flush())) },
);

test("any sequence of settings, input, reads and writes has the results that it has on a pty", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 25, size: "max" }), async (sequence) => {
      const pair = await new Pair().open();
      try {
        for (const run of sequence) await run(pair);
      } finally {
        await pair.close();
      }
    }),
    { numRuns: 300 },
  );
}, 120_000);

/** What random sequences come upon rarely. */
const SCENARIOS: Readonly<Record<string, { readonly modes: Partial<Termios2>; readonly run: Step }>> = {
  "an end of file right behind what is read": {
    modes: { c_lflag: LFLAG.ICANON },
    run: async (pair) => {
      for (const text of ["abc\x04", "\x04", "abcd\x04\n", `${"x".repeat(64)}\x04`]) {
        await pair.feed(Buffer.from(text));
        for (const length of [3, 1, 64]) await pair.read(length);
      }
    },
  },
  "rubbing out tabs and control characters": {
    modes: {
      c_lflag: LFLAG.ICANON | LFLAG.ECHO | LFLAG.ECHOE | LFLAG.ECHOK | LFLAG.ECHOKE,
      c_oflag: OFLAG.OPOST | OFLAG.XTABS,
    },
    run: async (pair) => {
      await pair.write(Buffer.from("prompt: "));
      for (const text of ["a\x01\tb\x7f\x7f", "cd\t\t\x7f\x7f", "\x15", "\x01ab\t\x15", "\t\x7f"])
        await pair.feed(Buffer.from(text));
    },
  },
  "a line that is longer than the queue": {
    modes: { c_lflag: LFLAG.ICANON },
    run: async (pair) => {
      await pair.feed(Buffer.from(`${"a".repeat(5000)}\x7f\n`));
      await pair.read(4000);
      await pair.read(4000);
    },
  },
  "more input than the queue takes": {
    modes: { c_lflag: 0 },
    run: async (pair) => {
      await pair.feed(Buffer.from("0123456789".repeat(500)));
      for (let times = 0; times < 3; times++) await pair.read(4096);
    },
  },
  "all characters, small and large": {
    modes: { c_iflag: IFLAG.IUCLC, c_oflag: OFLAG.OPOST | OFLAG.OLCUC, c_lflag: LFLAG.IEXTEN },
    run: async (pair) => {
      const all = Uint8Array.from({ length: 256 }, (_, c) => c);
      await pair.feed(all);
      await pair.read(300);
      await pair.write(all);
    },
  },
  "output that a program holds up and lets go": {
    modes: { c_lflag: LFLAG.ECHO, c_iflag: IFLAG.IXON },
    run: async (pair) => {
      await pair.feed(Buffer.from("a\x13b"));
      await pair.write(Buffer.from("held"));
      await pair.feed(Buffer.from("c\x11d"));
      await pair.write(Buffer.from("free"));
    },
  },
};

test.each(Object.entries(SCENARIOS))("%s", async (_, { modes, run }) => {
  const pair = await new Pair().open();
  try {
    const cooked = pair.kernel.get("TCGETS2", Termios2);
    await pair.set("TCSETS2", { ...cooked, c_iflag: 0, c_oflag: 0, ...modes });
    await run(pair);
  } finally {
    await pair.close();
  }
});
