// A pipe and a reading over a port whose every answer the test gives: what a virtual device cannot be made to do.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UsbError, type UsbErrorCode } from "../src/errors.ts";
import { Pipe } from "../src/pipe.ts";
import { Reading } from "../src/reading.ts";
import {
  cancelledError,
  failed,
  type SubmittedUrb,
  succeeded,
  type Urb,
  type UrbDone,
  type UrbPort,
  type UrbResult,
} from "../src/urb.ts";

const ENDPOINT = 0x81;
const URB: Urb = {
  endpoint: ENDPOINT,
  type: "bulk",
  direction: "in",
  data: new Uint8Array(0),
  length: 64,
  interval: 0,
};

class ManualPort implements UrbPort {
  readonly gone = new AbortController().signal;
  readonly inFlight: UrbDone[] = [];
  readonly halts: number[] = [];
  submitted = 0;

  submit(_urb: Urb, done: UrbDone): SubmittedUrb {
    this.submitted++;
    this.inFlight.push(done);
    return { cancel: () => this.#answer(done, failed(cancelledError())) };
  }

  /** Answers the oldest transfer in flight. */
  answer(result: UrbResult): void {
    const [done] = this.inFlight;
    if (done !== undefined) this.#answer(done, result);
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.halts.push(endpoint);
  }

  async claim(): Promise<undefined> {}
  async setAlternate(): Promise<void> {}

  async release(): Promise<void> {}

  #answer(done: UrbDone, result: UrbResult): void {
    const at = this.inFlight.indexOf(done);
    if (at < 0) return;
    this.inFlight.splice(at, 1);
    done(result);
  }
}

function error(code: UsbErrorCode): UrbResult {
  return failed(new UsbError(code, code));
}

describe("a pipe", () => {
  it("cancels what is queued behind a stall before it clears the halt, and fails it as stalled", async () => {
    const port = new ManualPort();
    const pipe = new Pipe(port, ENDPOINT);
    const told: (UsbErrorCode | undefined)[] = [];
    for (let count = 0; count < 3; count++) pipe.submit(URB, (result) => told.push(result.error?.code));
    port.answer(error("stall"));
    expect(port.inFlight).toHaveLength(0);
    // Until the halt is cleared nothing goes out, and nobody is told.
    pipe.submit(URB, (result) => told.push(result.error?.code));
    expect(port.submitted).toBe(3);
    expect(told).toEqual([]);
    await pipe.idle();
    expect(port.halts).toEqual([ENDPOINT]);
    expect(told).toEqual(["stall", "stall", "stall", "stall"]);
    pipe.submit(URB, (result) => told.push(result.error?.code));
    port.answer(succeeded(Uint8Array.of(1)));
    expect(told.at(-1)).toBeUndefined();
  });
});

describe("a reading", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function start(): { port: ManualPort; reading: Reading; got: number[]; ended: UsbErrorCode[] } {
    const port = new ManualPort();
    const got: number[] = [];
    const ended: UsbErrorCode[] = [];
    const sink = {
      data: (bytes: Uint8Array) => void got.push(...bytes),
      ended: (why: UsbError) => void ended.push(why.code),
    };
    const reading = new Reading(new Pipe(port, ENDPOINT), URB, { transferSize: 64, transfers: 2 }, sink);
    return { port, reading, got, ended };
  }

  it("outlasts bus errors, and ends by itself when they do not", async () => {
    const { port, got, ended } = start();
    for (let round = 0; round < 9; round++) {
      port.answer(error("io"));
      port.answer(error("io"));
      expect(port.inFlight).toHaveLength(0);
      await vi.runAllTimersAsync();
      expect(port.inFlight).toHaveLength(2);
    }
    port.answer(succeeded(Uint8Array.of(7)));
    expect(got).toEqual([7]);
    for (let round = 0; round < 10; round++) {
      expect(ended).toEqual([]);
      port.answer(error("io"));
      port.answer(error("io"));
      await vi.runAllTimersAsync();
    }
    expect(ended).toEqual(["io"]);
    expect(port.inFlight).toHaveLength(0);
  });

  it("submits nothing after stop, and ends without a word", async () => {
    const { port, reading, ended } = start();
    await reading.stop();
    reading.resume();
    await vi.runAllTimersAsync();
    expect(port).toMatchObject({ submitted: 2, inFlight: [] });
    expect(ended).toEqual([]);
  });

  it("gives the bytes of a transfer that was cut off", () => {
    const { port, got } = start();
    port.answer(failed(new UsbError("io", "cut"), Uint8Array.of(1, 2)));
    expect(got).toEqual([1, 2]);
  });

  it("says once that the device is gone", () => {
    const { port, ended } = start();
    port.answer(error("gone"));
    port.answer(error("gone"));
    expect(ended).toEqual(["gone"]);
  });
});
