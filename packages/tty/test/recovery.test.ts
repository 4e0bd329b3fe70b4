// A daemon that dies, at every instant at which what it leaves is another: a copy of its memory is made before and after each
// commit, and a next daemon goes on from each. Whatever the instant, no byte is lost and none comes twice.

import { expect, test, vi } from "vitest";
import type { LineHost, OpenLineCall, SerialDriver, SerialLine } from "../src/index.ts";
import { OFLAG, PortMemory, RAW_AND_SILENT } from "../src/index.ts";
import { defineSerialPort } from "../src/port.ts";
import { noise } from "./fake-line.ts";

const O_RDWR = 2;

/** Hardware that sends when the test says so, with its queue in the port's memory. */
class LastingLine implements SerialLine {
  readonly host: LineHost;
  readonly memory: PortMemory;
  readonly wire: number[];

  constructor(host: LineHost, memory: PortMemory, wire: number[]) {
    this.host = host;
    this.memory = memory;
    this.wire = wire;
  }

  write(bytes: Uint8Array): number {
    return this.memory.append(bytes);
  }

  transmit(most: number): void {
    const bytes = this.memory.submit(most);
    this.wire.push(...bytes);
    this.memory.sent(bytes.length);
  }

  pendingOutput(): number {
    return this.memory.unsent;
  }

  drain = () => Promise.resolve();
  discardOutput = () => this.memory.discard();
  throttle = () => undefined;
  close = () => Promise.resolve();
}

const NEVER = new AbortController().signal;

/** A daemon with one open file, whose requests the test makes by their numbers. */
class Life {
  readonly wire: number[] = [];
  readonly #port;
  #line: LastingLine | undefined;
  #state: unknown;

  constructor(memory: Uint8Array<ArrayBuffer>, recovered: boolean) {
    const driver: SerialDriver = {
      name: "lasting",
      recoverMs: 1000,
      open: (host: LineHost, { memory: kept = new PortMemory(), goesOn }: OpenLineCall) => {
        expect(goesOn).toBe(recovered);
        this.#line = new LastingLine(host, kept, this.wire);
        return this.#line;
      },
    };
    this.#port = defineSerialPort(driver).driver;
    this.#port.recovery?.memory?.mapped(memory, recovered);
  }

  get line(): LastingLine {
    if (this.#line === undefined) throw new RangeError("the line is not open");
    return this.#line;
  }

  async open(recovers: boolean): Promise<this> {
    const call = { ...this.#call(0, false), flags: O_RDWR, state: undefined };
    this.#state = await (recovers ? this.#port.recover?.(call) : this.#port.open?.(call));
    return this;
  }

  read(id: number, length: number, reissued = false): number[] {
    const answer = this.#port.read?.({ ...this.#call(id, reissued), length, offset: 0 });
    return answer instanceof Uint8Array ? [...answer] : [];
  }

  write(id: number, data: Uint8Array, reissued = false): number {
    const taken = this.#port.write?.({ ...this.#call(id, reissued), data, offset: 0 });
    return typeof taken === "number" ? taken : 0;
  }

  /** OPOST and ONLCR. */
  postprocess(): void {
    const arg = { ...RAW_AND_SILENT, c_oflag: OFLAG.OPOST | OFLAG.ONLCR };
    void this.#port.ioctl?.TCSETS2?.({ ...this.#call(99, false), arg, model: "lp64" });
  }

  /** A blocking write: offered until it is taken, while the hardware sends. */
  writeAll(id: number, data: Uint8Array, reissued = false): void {
    for (let at = 0; at < data.length; ) {
      const taken = this.write(id, data.subarray(at), reissued);
      at += taken;
      if (taken === 0) this.line.transmit(4096);
      if (taken === 0) this.line.host.writable();
    }
  }

  #call(id: number, reissued: boolean) {
    const nothing = () => undefined;
    const file = {
      id: 1,
      flags: O_RDWR,
      number: 1n,
      readable: nothing,
      writable: nothing,
      urgent: nothing,
      setNonBlocking: nothing,
      hangup: nothing,
    };
    const caller = { pid: 1, uid: 0, gid: 0 };
    // What open() or recover() of this port gave.
    const state = this.#state as never;
    return { file, caller, state, nonBlocking: false, signal: NEVER, waitedMs: 0, id, reissued };
  }
}

/** What the world has when the daemon dies. */
interface Instant {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly wire: readonly number[];
  readonly got: readonly number[];
  readonly given: number;
  readonly step: number;
}

test("a death at any instant loses no byte and doubles none, each way", async () => {
  const memory = new Uint8Array(PortMemory.SIZE);
  const first = await new Life(memory, false).open(false);
  const input = noise(30_000);
  const output = noise(200_000).map((byte) => byte ^ 0x55);
  const writes = [output.subarray(0, 3), output.subarray(3, 150_003), output.subarray(150_003)];
  const instants: Instant[] = [];
  const got: number[] = [];
  let given = 0;
  let step = 0;
  const store: (words: Int32Array, index: number, value: number) => number = Atomics.store.bind(Atomics);
  const look = () => instants.push({ memory: memory.slice(), wire: [...first.wire], got: [...got], given, step });
  vi.stubGlobal("Atomics", {
    store(words: Int32Array, index: number, value: number) {
      look();
      const stored = store(words, index, value);
      look();
      return stored;
    },
  });
  const gives = (count: number) => {
    given += count;
    first.line.host.received(input.subarray(given - count, given));
  };
  // Requests, each with the number of its step; more is received than a queue of 4096 takes.
  const steps: readonly ((id: number) => void)[] = [
    () => gives(10),
    (id) => got.push(...first.read(id, 4)),
    (id) => first.writeAll(id, writes[0] ?? output),
    () => gives(5000),
    (id) => got.push(...first.read(id, 4096)),
    (id) => first.writeAll(id, writes[1] ?? output),
    () => gives(4000),
    (id) => got.push(...first.read(id, 4000)),
    (id) => got.push(...first.read(id, 4000)),
    (id) => first.writeAll(id, writes[2] ?? output),
    () => first.line.transmit(100),
  ];
  for (const run of steps) {
    step++;
    run(step);
    look();
  }
  vi.unstubAllGlobals();

  const writeAt: Readonly<Record<number, number>> = { 3: 0, 6: 1, 10: 2 };
  const lengths: Readonly<Record<number, number>> = { 2: 4, 5: 4096, 8: 4000, 9: 4000 };
  for (const [index, instant] of instants.entries()) {
    // Every one at which something is under way, and some of the many alike.
    if (index > 60 && index % 7 !== 0 && index < instants.length - 20) continue;
    const next = await new Life(instant.memory, true).open(true);
    const { at } = next.line.memory;
    const unknown = at.inFlight;
    const from = at.sent;
    next.line.memory.sent(unknown);
    const readings = [...instant.got];
    const isDone = index + 1 === instants.length || instants[index + 1]?.step !== instant.step;
    // The call that the dead daemon had, if any, and then all that come after it.
    const request = instant.step;
    const length = lengths[request];
    if (length !== undefined && !isDone) readings.push(...next.read(request, length, true));
    for (let id = 100, bytes = next.read(id, 4096); bytes.length > 0; bytes = next.read(++id, 4096))
      readings.push(...bytes);
    // Bytes that were on their way in are there or not.
    const isComing = [1, 4, 7].includes(request) && !isDone;
    if (!isComing) expect(readings.length).toBe(instant.given);
    // Which of the two, whoever gives them can tell.
    expect(readings.length).toBe(at.received);
    expect(Buffer.from(readings).equals(Buffer.from(input.subarray(0, readings.length)))).toBe(true);

    const current = writeAt[request];
    if (current !== undefined && !isDone) next.writeAll(request, writes[current] ?? output, true);
    for (let id = 1; id <= steps.length; id++) {
      const later = writeAt[id];
      if (later !== undefined && id > request) next.writeAll(200 + id, writes[later] ?? output);
    }
    while (next.line.memory.unsent > 0) next.line.transmit(4096);
    // What was with the hardware may have got there; it is not sent again.
    const arrived = instant.wire.length;
    expect(arrived === from || arrived === from + unknown).toBe(true);
    const sent = Buffer.from([...instant.wire, ...next.wire]);
    const expected = Buffer.concat([output.subarray(0, arrived), output.subarray(from + unknown)]);
    expect(sent.equals(expected)).toBe(true);
  }
  expect(instants.length).toBeGreaterThan(100);
});

test("a write that is processed and was taken is not sent again", async () => {
  const memory = new Uint8Array(PortMemory.SIZE);
  const first = await new Life(memory, false).open(false);
  first.postprocess();
  expect(first.write(7, Uint8Array.of(0x41, 0x0a))).toBe(2);
  const next = await new Life(memory.slice(), true).open(true);
  expect(next.write(7, Uint8Array.of(0x41, 0x0a), true)).toBe(2);
  next.line.transmit(100);
  expect(next.wire).toEqual([0x41, 0x0d, 0x0a]);
});
