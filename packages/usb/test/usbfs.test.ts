// Transfers in memory that outlives a process. A life of a port on a usbfs in memory is copied before and after each
// system call and each record of what was taken, and from each copy a next life goes on: every byte is there once.

import type { Keeper } from "@devlift/core";
import { describe, expect, it } from "vitest";
import type { UsbErrorCode } from "../src/errors.ts";
import type { Urb } from "../src/urb.ts";
import { UsbfsPort } from "../src/usbfs/port.ts";
import { ADDRESS, FakeUsbfs, IN, type Machine, OUT, PACKET } from "./fake-usbfs.ts";

const CHUNK = 100;
const READS = 4;
const FD = 77;
const MOST_COPIES = 100;

/** What the program over it has recorded. */
interface Record {
  readonly received: readonly number[];
  readonly written: number;
  readonly inFlight: number;
}

interface Copy {
  readonly machine: Machine;
  readonly record: Record;
}

function urbOf(endpoint: number, data: Uint8Array, length: number): Urb {
  return { endpoint, type: "bulk", direction: endpoint === OUT ? "out" : "in", data, length, interval: 0 };
}

/** A program that takes what comes and sends bytes that count up, one transfer at a time. */
class Life {
  readonly received: number[];
  readonly errors: (UsbErrorCode | undefined)[] = [];
  written: number;
  inFlight: number;
  readonly #kernel: FakeUsbfs;
  readonly #port: UsbfsPort;
  readonly #copies: Copy[];

  constructor(kernel: FakeUsbfs, { copies, left }: { readonly copies: Copy[]; readonly left?: Record | undefined }) {
    this.#kernel = kernel;
    this.#copies = copies;
    this.received = [...(left?.received ?? [])];
    this.written = left?.written ?? 0;
    this.inFlight = left?.inFlight ?? 0;
    kernel.step = () => this.#copy();
    const gone = new AbortController();
    this.#port = new UsbfsPort({
      fd: FD,
      keeper: keeperOf(kernel.memory),
      identity: { name: "1-1", node: "/dev/bus/usb/001/002", configurationValue: 1 },
      plug: { gone: gone.signal, unplugged: () => gone.abort(), released: () => undefined },
      goesOn:
        left &&
        new Map([
          [IN, this.received.length],
          [OUT, this.written],
        ]),
      kernel,
    });
    for (let read = 0; read < READS; read++) this.#read();
    this.#write();
  }

  #copy(): void {
    if (this.#copies.length === MOST_COPIES) return;
    const { memory, pending, completed, sent, got } = this.#kernel;
    const { received, written, inFlight } = this;
    const machine = { memory, pending, completed, sent, got };
    this.#copies.push(structuredClone({ machine, record: { received, written, inFlight } }));
  }

  #read(): void {
    this.#port.submit(urbOf(IN, new Uint8Array(0), PACKET), ({ error, bytes }) => {
      this.errors.push(error?.code);
      this.received.push(...bytes);
      this.#copy();
      this.#read();
    });
  }

  #write(): void {
    this.inFlight ||= CHUNK;
    this.#copy();
    const data = Uint8Array.from({ length: this.inFlight }, (_, index) => (this.written + index) & 0xff);
    const ended = new Promise<number>((resolve) => {
      this.#port.submit(urbOf(OUT, data, data.length), ({ error, actual }) => {
        this.errors.push(error?.code);
        resolve(actual);
      });
    });
    void ended.then((count) => {
      this.written += count;
      this.inFlight = 0;
      this.#copy();
      this.#write();
    });
  }

  /** Transfers end, several of them before the program hears of it. */
  async runs(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      this.#kernel.end(IN);
      if (round % 2 === 0) this.#kernel.end(OUT);
      if (round % 3 === 0) this.#kernel.end(IN);
      this.#kernel.ready(2);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function keeperOf(memory: Uint8Array<ArrayBuffer>): Keeper {
  return { memory, address: ADDRESS, keep: () => undefined, release: () => undefined, take: () => FD };
}

function countsUp(bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => byte === (index & 0xff));
}

describe("a port whose process dies", () => {
  it("leaves each byte once to the next, at whatever step it was, and that one to one more", async () => {
    const copies: Copy[] = [];
    await new Life(new FakeUsbfs(), { copies }).runs(5);
    expect(copies.length).toBeGreaterThan(60);
    for (const copy of copies) {
      const { machine, record } = copy;
      const more: Copy[] = Array(MOST_COPIES - 20);
      const kernel = new FakeUsbfs(machine);
      const next = new Life(kernel, { copies: more, left: record });
      await next.runs(4);
      expect(next.errors.filter(Boolean)).toEqual([]);
      expect(countsUp(next.received)).toBe(true);
      expect(next.received.length).toBe(kernel.sent);
      expect(countsUp(kernel.got)).toBe(true);
      expect(kernel.got.length).toBeGreaterThan(record.written);
      // Dying while it goes on.
      const early = more.at(-1 - (copies.indexOf(copy) % 20));
      if (early === undefined) throw new Error("it made no step");
      const last = new FakeUsbfs(early.machine);
      const third = new Life(last, { copies: [], left: early.record });
      await third.runs(2);
      expect(countsUp(third.received) && countsUp(last.got)).toBe(true);
      expect(third.received.length).toBe(last.sent);
    }
  });
});

describe("a port", () => {
  function opened() {
    const kernel = new FakeUsbfs();
    const gone = new AbortController();
    const asked: string[] = [];
    const keeper = {
      ...keeperOf(kernel.memory),
      keep: (slot: number, fd: number) => void asked.push(`keep ${fd} in ${slot}`),
      release: (slot: number) => void asked.push(`release ${slot}`),
    };
    const port = new UsbfsPort({
      fd: FD,
      keeper,
      identity: { name: "1-1", node: "/dev/bus/usb/001/002", configurationValue: 1 },
      plug: { gone: gone.signal, unplugged: () => gone.abort(), released: () => void asked.push("released") },
      goesOn: undefined,
      kernel,
    });
    const results: (UsbErrorCode | number)[] = [];
    const submit = (urb: Urb) =>
      port.submit(urb, ({ error, actual }) => void results.push(error === undefined ? actual : error.code));
    return { kernel, gone, port, asked, results, submit };
  }

  it("keeps its descriptor until it is given back", async () => {
    const { port, asked } = opened();
    expect(asked).toEqual(["keep 77 in 0"]);
    await port.release();
    expect(asked.slice(1)).toEqual(["release 0", "released"]);
  });

  it("answers each transfer once: its end, a cancellation, a refusal, an unplug", async () => {
    const { kernel, gone, results, submit } = opened();
    submit(urbOf(IN, new Uint8Array(0), PACKET));
    const cancelled = submit(urbOf(IN, new Uint8Array(0), PACKET));
    submit(urbOf(OUT, new Uint8Array(CHUNK), CHUNK));
    cancelled.cancel();
    kernel.ready(2);
    expect(results).toEqual(["cancelled"]);
    cancelled.cancel();
    kernel.end(OUT);
    kernel.ready(2);
    expect(results).toEqual(["cancelled", CHUNK]);
    expect(() => submit(urbOf(OUT, new Uint8Array(5000), 5000))).toThrow("4096");
    kernel.ready(-9);
    expect(results).toEqual(["cancelled", CHUNK, "gone"]);
    expect(gone.signal.aborted).toBe(true);
    submit(urbOf(IN, new Uint8Array(0), PACKET));
    await Promise.resolve();
    expect(results).toEqual(["cancelled", CHUNK, "gone", "gone"]);
  });

  it("takes nothing more once it is left to another process", async () => {
    const { kernel, port, results, submit } = opened();
    submit(urbOf(IN, new Uint8Array(0), PACKET));
    const { ready } = kernel;
    port.leave();
    kernel.end(IN);
    ready(2);
    expect(results).toEqual([]);
    expect(kernel.completed.length).toBe(1);
  });
});
