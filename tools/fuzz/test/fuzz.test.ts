// The fuzz target on the real session, shorter than `npm run fuzz`; and planted defects, each of which it must see.

import { describe, expect, test } from "vitest";
import { FuseSession, type FuseSessionOptions } from "../../../packages/core/src/session/fuse-session.ts";
import type { Parts } from "../../../packages/core/src/session/session.ts";
import { campaign, replay } from "../campaign.ts";
import { minimise } from "../minimise.ts";
import type { MakeTarget, Target } from "../rig.ts";
import { realTarget } from "../rig.ts";
import { type Step, stepsFromText, stepsToText } from "../steps.ts";

/** A bound for a busy machine; it takes some seconds. */
const LONG = 180_000;

test(
  "300,000 messages: nothing thrown, every request answered exactly once, nothing left, no growth",
  async () => {
    const outcome = await campaign({ make: realTarget, seed: 20_011, messages: 300_000 });
    expect(outcome.failed?.failure).toBeUndefined();
    expect(outcome.messages).toBeGreaterThanOrEqual(300_000);
    expect(outcome.answers).toBe(outcome.requests);
    expect(outcome.growth).toBeDefined();
    // The corpus gets deep: most messages are requests, and pollers are woken.
    expect(outcome.requests).toBeGreaterThan(outcome.messages / 3);
    expect(outcome.wakeUps).toBeGreaterThan(outcome.messages / 1000);
  },
  LONG,
);

test("the same seed does the same", async () => {
  const run = async () => {
    const { messages, requests, answers, wakeUps } = await campaign({ make: realTarget, seed: 7, messages: 3000 });
    return { messages, requests, answers, wakeUps };
  };
  expect(await run()).toEqual(await run());
});

/** The session with one thing wrong. Each subclass of this plants one defect. */
class Wrapped implements Target {
  protected readonly session: FuseSession;
  protected count = 0;

  constructor(options: FuseSessionOptions) {
    this.session = new FuseSession(options);
  }
  get buffer(): Uint8Array {
    return this.session.buffer;
  }
  get waiting(): number {
    return this.session.waiting;
  }
  get opens(): number {
    return this.session.opens;
  }
  handle(length: number): Parts | undefined {
    return this.session.handle(length);
  }
  close(): Promise<void> {
    return this.session.close();
  }
  protected opcode(): number {
    return new DataView(this.buffer.buffer, this.buffer.byteOffset).getUint32(4, true);
  }
}

/** Changes each 500th answer, whether it comes at once or later. */
function everyAnswer(change: (parts: Parts) => readonly Parts[]): MakeTarget {
  return (options) => {
    let count = 0;
    const changed = (parts: Parts) => (++count % 500 === 0 ? change(parts) : [parts]);
    const send = (parts: Parts) => {
      for (const each of changed(parts)) options.output.send(each);
    };
    const output = { send };
    return new (class extends Wrapped {
      override handle(length: number): Parts | undefined {
        const parts = super.handle(length);
        if (parts !== undefined) send(parts);
        return undefined;
      }
    })({ ...options, output });
  };
}

/** Stores a byte in a copy of an answer. */
function patched(parts: Parts, at: number, byte: number): Parts {
  const flat = Uint8Array.from(Buffer.concat(parts));
  flat[at] = byte;
  return [flat];
}

const READ = 15;
const RELEASE = 18;
const INTERRUPT = 36;

const DEFECTS: readonly [defect: string, kind: RegExp, make: MakeTarget][] = [
  ["answers twice", /^answer without request$/, everyAnswer((parts) => [parts, parts])],
  ["drops an answer", /^a request without answer$/, everyAnswer(() => [])],
  ["answers another's request", /^answer without request$/, everyAnswer((parts) => [patched(parts, 15, 0x10)])],
  ["says a wrong length", /^malformed answer$/, everyAnswer((parts) => [patched(parts, 0, 9)])],
  ["answers with no errno", /^no errno$/, everyAnswer((parts) => [patched(parts, 7, 0x80)])],
  [
    "throws",
    /^crash: RangeError: planted$/,
    (options) =>
      new (class extends Wrapped {
        override handle(length: number): Parts | undefined {
          if (++this.count === 4000) throw new RangeError("planted");
          return super.handle(length);
        }
      })(options),
  ],
  [
    "rejects where nobody looks",
    /^crash: RangeError: planted$/,
    (options) =>
      new (class extends Wrapped {
        override close(): Promise<void> {
          void Promise.reject(new RangeError("planted"));
          return super.close();
        }
      })(options),
  ],
  [
    "answers an INTERRUPT",
    /^answer without request$/,
    (options) =>
      new (class extends Wrapped {
        override handle(length: number): Parts | undefined {
          const head = this.buffer.slice(0, 16);
          const interrupt = length === 48 && this.opcode() === INTERRUPT && head[0] === 48;
          const answer = super.handle(length);
          if (answer !== undefined || !interrupt) return answer;
          return [Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0, ...head.subarray(8, 16))];
        }
      })(options),
  ],
  [
    "sleeps through interrupts",
    /^a request without answer$/,
    (options) =>
      new (class extends Wrapped {
        override handle(length: number): Parts | undefined {
          return this.opcode() === INTERRUPT ? undefined : super.handle(length);
        }
      })(options),
  ],
  [
    "keeps an open file",
    /^something is left behind$/,
    (options) =>
      new (class extends Wrapped {
        override handle(length: number): Parts | undefined {
          const before = [...options.files];
          const answer = super.handle(length);
          if (this.opcode() === RELEASE && ++this.count % 10 === 0) for (const file of before) options.files.add(file);
          return answer;
        }
      })(options),
  ],
  [
    "forgets a timer",
    /^something is left behind$/,
    (options) =>
      new (class extends Wrapped {
        override handle(length: number): Parts | undefined {
          if (++this.count === 2000) options.clock.after(2 ** 31, () => undefined);
          return super.handle(length);
        }
      })(options),
  ],
  [
    "sends after the close",
    /^sent after the close$/,
    (options) =>
      new (class extends Wrapped {
        override async close(): Promise<void> {
          await super.close();
          options.clock.after(1, () => options.output.send([Uint8Array.of(16, ...new Uint8Array(15))]));
        }
      })(options),
  ],
];

describe("a planted defect is seen: a session that", () => {
  test.each(DEFECTS)(
    "%s",
    async (_, kind, make) => {
      const { failed } = await campaign({ make, seed: 3, messages: 13_000 });
      expect(failed?.failure.kind).toMatch(kind);
      expect(failed?.steps.length).toBeGreaterThan(0);
    },
    LONG,
  );

  test(
    "keeps 24 bytes of each read",
    async () => {
      const kept: Uint8Array[] = [];
      const make: MakeTarget = (options) =>
        new (class extends Wrapped {
          override handle(length: number): Parts | undefined {
            if (this.opcode() === READ) kept.push(this.buffer.slice(0, 24));
            return super.handle(length);
          }
        })(options);
      const { failed } = await campaign({ make, seed: 3, messages: 250_000 });
      expect(failed?.failure.kind).toBe("memory grows");
    },
    LONG,
  );
});

describe("a failure", () => {
  test(
    "is made short, and its text is performed again",
    async () => {
      const make = everyAnswer(() => []);
      const throwing: MakeTarget = (options) =>
        new (class extends Wrapped {
          override handle(length: number): Parts | undefined {
            if (this.opcode() === READ && this.waiting > 15) throw new RangeError("planted");
            return super.handle(length);
          }
        })(options);
      for (const defect of [make, throwing]) {
        const { failed } = await campaign({ make: defect, seed: 3, messages: 3000 });
        if (failed === undefined) return expect.unreachable();
        const fails = async (steps: readonly Step[]) =>
          (await replay(defect, failed.channel, steps))?.kind === failed.failure.kind;
        const shortest = stepsFromText(stepsToText(await minimise(failed.steps, fails, 4)));
        expect(shortest.length).toBeLessThan(failed.steps.length);
        expect((await replay(defect, failed.channel, shortest))?.kind).toBe(failed.failure.kind);
        expect(await replay(realTarget, failed.channel, shortest)).toBeUndefined();
      }
    },
    LONG,
  );

  test("is not read from lines that are no steps", () => {
    expect(() => stepsFromText("message 0g")).toThrow("not a step");
    expect(() => stepsFromText("advance soon")).toThrow("not a step");
    expect(stepsFromText("# nothing\n\ndrain # here\nmessage 00ff\n")).toEqual([
      { kind: "drain" },
      { kind: "message", bytes: Uint8Array.of(0, 255) },
    ]);
  });
});
