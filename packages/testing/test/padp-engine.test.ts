// PADP on a bad line, on a clock that the test turns: two engines, and what happens to the packets between them.

import { describe, expect, it, vi } from "vitest";
import { decodePadp, encodePadp, PADP_FLAG, PADP_TYPE } from "../src/hotsync-protocol/padp.ts";
import { PADP_MAX_MESSAGE, PADP_TIMING, PadpEngine } from "../src/hotsync-protocol/padp-engine.ts";
import { encodeSlp, SLP_TYPE, SlpDecoder } from "../src/hotsync-protocol/slp.ts";
import { Random } from "../src/palm/random.ts";
import { hex } from "./hex.ts";

// A bound for a test that hangs, far from what a busy machine needs.
vi.setConfig({ testTimeout: 120_000 });

/** A line between two engines. `damage` says what of a packet arrives. */
class Bench {
  readonly a = new PadpEngine();
  readonly b = new PadpEngine();
  now = 0;
  /** Packets that went over the line, either way. */
  packets = 0;
  readonly #damage: (packet: Uint8Array) => Uint8Array | undefined;

  constructor(damage: (packet: Uint8Array) => Uint8Array | undefined = (packet) => packet) {
    this.#damage = damage;
  }

  /** Until nothing is under way; turns the clock when nothing moves. */
  run(): void {
    for (;;) {
      const moved = this.#deliver(this.a, this.b) + this.#deliver(this.b, this.a);
      if (moved > 0) continue;
      const deadlines = [this.a.deadline, this.b.deadline].filter((deadline) => deadline !== undefined);
      if (deadlines.length === 0) return;
      this.now = Math.min(...deadlines);
      this.a.tick(this.now);
      this.b.tick(this.now);
    }
  }

  #deliver(from: PadpEngine, to: PadpEngine): number {
    const packets = from.outbox.splice(0);
    for (const packet of packets) {
      this.packets++;
      const arrived = this.#damage(packet);
      if (arrived) to.feed(arrived, this.now);
    }
    return packets.length;
  }
}

const message = (length: number): Uint8Array => new Random(length).bytes(length);
const inbox = (engine: PadpEngine): string[] => engine.inbox.splice(0).map(({ data }) => hex(data));

/** A packet as the other end would send it. */
function packet(
  type: number,
  flags: number,
  size: number,
  about: { xid?: number; data?: Uint8Array } = {},
): Uint8Array {
  const { xid = 1, data = new Uint8Array() } = about;
  return encodeSlp({ dest: 3, src: 3, type: SLP_TYPE.PADP, xid, data: encodePadp({ type, flags, size, data }) });
}

const sent = (engine: PadpEngine): ReturnType<typeof decodePadp>[] =>
  engine.outbox.splice(0).flatMap((bytes) => new SlpDecoder().push(bytes).map(({ data }) => decodePadp(data)));

const { FIRST, LAST, LONG, MEMORY_ERROR } = PADP_FLAG;

describe("a clean line", () => {
  it("takes one packet and one acknowledge for every 1024 bytes", () => {
    for (const [length, fragments] of [
      [0, 1],
      [1, 1],
      [1024, 1],
      [1025, 2],
      [65535, 64],
    ] as const) {
      const bench = new Bench();
      bench.a.send(message(length), 1, 0);
      bench.run();
      expect(inbox(bench.b)).toEqual([hex(message(length))]);
      expect([bench.packets, bench.a.sending, bench.now]).toEqual([2 * fragments, false, 0]);
    }
  });

  it("uses long headers when they were agreed on, and from 64 KiB on", () => {
    const flags = (engine: PadpEngine): number[] => sent(engine).map((header) => header.flags & LONG);
    const engine = new PadpEngine();
    engine.send(message(0xffff), 1, 0);
    expect(flags(engine)).toEqual([0]);
    engine.send(message(0x10000), 1, 0);
    expect(flags(engine)).toEqual([LONG]);
    const bench = new Bench();
    bench.a.longHeaders = true;
    bench.a.send(message(3000), 1, 0);
    bench.run();
    expect(inbox(bench.b)).toEqual([hex(message(3000))]);
  });
});

describe("a bad line", () => {
  it("brings every message through once and in order, whatever is lost, changed or cut", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new Random(seed);
      const bench = new Bench((bytes) => {
        if (random.oneIn(20)) return undefined;
        if (random.oneIn(20)) return bytes.subarray(random.below(bytes.length));
        const copy = bytes.slice();
        if (random.oneIn(20)) copy[random.below(copy.length)] = random.below(256);
        return copy;
      });
      for (let xid = 1; xid <= 5; xid++) {
        bench.a.send(message(700 * xid), xid, bench.now);
        bench.run();
        expect([bench.a.failure, inbox(bench.b)]).toEqual([undefined, [hex(message(700 * xid))]]);
        bench.b.send(message(300 * xid), xid, bench.now);
        bench.run();
        expect([bench.b.failure, inbox(bench.a)]).toEqual([undefined, [hex(message(300 * xid))]]);
      }
    }
  });

  it("gives up after ten tries of two seconds", () => {
    const bench = new Bench(() => undefined);
    bench.a.send(message(10), 1, 0);
    bench.run();
    expect(bench.packets).toBe(PADP_TIMING.tries);
    expect(bench.now).toBe(PADP_TIMING.tries * PADP_TIMING.ackTimeoutMs);
    expect(bench.a.failure).toMatchObject({ kind: "timeout" });
  });

  it("counts its tries for each fragment anew", () => {
    let sends = 0;
    const bench = new Bench((bytes) => (bytes.length > 100 && ++sends % PADP_TIMING.tries !== 0 ? undefined : bytes));
    bench.a.send(message(5000), 1, 0);
    bench.run();
    expect([bench.a.failure, sends]).toEqual([undefined, 5 * PADP_TIMING.tries]);
    expect(inbox(bench.b)).toEqual([hex(message(5000))]);
  });

  it("takes an answer for the acknowledge that was lost", () => {
    const engine = new PadpEngine();
    engine.send(message(10), 7, 0);
    engine.feed(packet(PADP_TYPE.DATA, FIRST | LAST, 2, { xid: 7, data: message(2) }), 0);
    expect(engine.sending).toBe(false);
    expect(inbox(engine)).toEqual([hex(message(2))]);
  });

  it("does not take a late acknowledge of one fragment for the next one's", () => {
    const engine = new PadpEngine();
    engine.send(message(3000), 1, 0);
    for (let times = 0; times < 3; times++) engine.feed(packet(PADP_TYPE.ACK, FIRST, 3000), 0);
    expect(sent(engine).map(({ size }) => size)).toEqual([3000, 1024]);
  });
});

describe("the other packets", () => {
  it("a tickle gives more time and is not acknowledged", () => {
    const engine = new PadpEngine();
    engine.send(message(10), 1, 0);
    engine.outbox.length = 0;
    engine.feed(packet(PADP_TYPE.TICKLE, FIRST | LAST, 0), 1500);
    engine.tick(2000);
    expect(sent(engine)).toEqual([]);
    expect(engine.deadline).toBe(3500);
  });

  it("an abort ends the link", () => {
    const engine = new PadpEngine();
    engine.feed(packet(PADP_TYPE.ABORT, FIRST | LAST, 0), 0);
    expect(engine.failure).toMatchObject({ kind: "refused" });
  });

  it("a memory error loses the message and keeps the link, both ways", () => {
    const engine = new PadpEngine();
    engine.send(message(10), 1, 0);
    engine.feed(packet(PADP_TYPE.ACK, FIRST | LAST | MEMORY_ERROR, 10), 0);
    expect([engine.sending, engine.failure, engine.refused?.kind]).toEqual([false, undefined, "refused"]);
    engine.outbox.length = 0;
    engine.feed(packet(PADP_TYPE.DATA, FIRST | LONG, PADP_MAX_MESSAGE + 1, { xid: 2, data: message(5) }), 0);
    expect(sent(engine)).toMatchObject([{ type: PADP_TYPE.ACK, flags: FIRST | LONG | MEMORY_ERROR }]);
  });

  it("a fragment out of order, of another message or of none is not taken", () => {
    const engine = new PadpEngine();
    engine.feed(packet(PADP_TYPE.DATA, 0, 1024, { data: message(5) }), 0);
    engine.feed(packet(PADP_TYPE.DATA, FIRST, 20, { data: message(10) }), 0);
    engine.feed(packet(PADP_TYPE.DATA, LAST, 15, { data: message(5) }), 0);
    engine.feed(packet(PADP_TYPE.DATA, LAST, 10, { xid: 9, data: message(10) }), 0);
    expect(engine.inbox).toEqual([]);
    // Only the first fragment: who acknowledges what is not taken never gets it again.
    expect(sent(engine).map(({ type, size }) => [type, size])).toEqual([[PADP_TYPE.ACK, 20]]);
    engine.feed(packet(PADP_TYPE.DATA, LAST, 10, { data: message(10) }), 0);
    expect(inbox(engine)).toEqual([hex(message(10)) + hex(message(10))]);
  });

  it("bytes behind the end of a message are not part of it", () => {
    const engine = new PadpEngine();
    engine.feed(packet(PADP_TYPE.DATA, FIRST | LAST, 4, { data: message(9) }), 0);
    expect(inbox(engine)).toEqual([hex(message(9).subarray(0, 4))]);
  });
});
