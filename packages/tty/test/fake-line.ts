// Hardware that a test plays: a SerialDriver whose lines remember what they were told, take as much output as the test
// allows, and give what the test sends.

import type { LineHost, LineSettings, ModemLines, OpenLineCall, SerialDriver, SerialLine } from "../src/index.ts";

/** Bytes that no two places of a buffer have alike. */
export function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    // A linear congruential generator of Numerical Recipes.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export class FakeLine implements SerialLine {
  readonly host: LineHost;
  /** What has been taken. */
  written: number[] = [];
  /** How much write() takes until the test makes room. */
  room = 1_000_000;
  /** Of what was taken, how much is not on the wire. */
  pending = 0;
  throttles: boolean[] = [];
  settings: LineSettings[] = [];
  breaks: (number | boolean)[] = [];
  discarded = 0;
  /** How often write() was called. */
  offers = 0;
  closed = 0;
  modem?: ModemLines;
  configure?: (settings: LineSettings) => void | Promise<void>;
  setBreak?: (on: boolean) => void;
  readonly #drains = new Set<() => void>();

  constructor(host: LineHost) {
    this.host = host;
  }

  write(bytes: Uint8Array): number {
    this.offers++;
    const taken = Math.min(bytes.length, this.room);
    this.written.push(...bytes.subarray(0, taken));
    this.room -= taken;
    this.pending += taken;
    return taken;
  }

  pendingOutput(): number {
    return this.pending;
  }

  drain(signal: AbortSignal): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const sent = () => {
        this.#drains.delete(sent);
        resolve();
      };
      this.#drains.add(sent);
      signal.addEventListener("abort", () => reject(signal.reason));
      if (signal.aborted) reject(signal.reason);
    });
  }

  discardOutput(): void {
    this.discarded++;
    this.pending = 0;
  }

  throttle(on: boolean): void {
    this.throttles.push(on);
  }

  async close(): Promise<void> {
    this.closed++;
  }

  /** What was written, as text, and forgotten. */
  takeText(): string {
    return String.fromCharCode(...this.written.splice(0));
  }

  /** The hardware sends all that it has, and has room again. */
  sendAll(room = 1_000_000): void {
    this.pending = 0;
    this.room = room;
    this.host.writable();
    if (this.pending === 0) for (const sent of [...this.#drains]) sent();
  }

  gives(text: string): void {
    this.host.received(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }
}

export class FakeDriver implements SerialDriver {
  readonly name = "fake";
  /** All lines that were ever opened, the latest last. */
  readonly lines: FakeLine[] = [];
  readonly calls: OpenLineCall[] = [];
  /** Runs inside open(); may throw, or return a promise that the open waits for. */
  onOpen: (line: FakeLine, call: OpenLineCall) => void | Promise<void> = () => undefined;

  open(host: LineHost, call: OpenLineCall): SerialLine | Promise<SerialLine> {
    const line = new FakeLine(host);
    this.calls.push(call);
    const waits = this.onOpen(line, call);
    if (waits === undefined) {
      this.lines.push(line);
      return line;
    }
    return waits.then(() => {
      this.lines.push(line);
      return line;
    });
  }

  /** The line that was opened last. */
  get line(): FakeLine {
    const line = this.lines.at(-1);
    if (line === undefined) throw new RangeError("no line was opened");
    return line;
  }
}
