// The enumeration of a device that takes its time.

import { afterEach, describe, expect, it, vi } from "vitest";
import { enumerate } from "../src/requests.ts";
import { cancelledError, failed, succeeded, type UrbQueue } from "../src/urb.ts";

afterEach(() => void vi.useRealTimers());

/** Says that it has 255 configurations and that the 200th is active, and answers each request after `ms`. */
function slowQueue(ms: number): UrbQueue & { readonly requests: number } {
  const device = Uint8Array.of(18, 1, 0, 2, 0, 0, 0, 64, 0x30, 8, 2, 0, 0, 1, 0, 0, 0, 255);
  const configuration = Uint8Array.of(9, 2, 9, 0, 0, 1, 0, 0x80, 50);
  let requests = 0;
  return {
    gone: new AbortController().signal,
    get requests() {
      return requests;
    },
    submit({ setup, length }, done) {
      requests++;
      const answer = setup?.[1] === 8 ? Uint8Array.of(200) : setup?.[3] === 1 ? device : configuration;
      const bytes = answer.subarray(0, length);
      const timer = setTimeout(() => done(succeeded(bytes, bytes.length)), ms);
      return {
        cancel: () => {
          clearTimeout(timer);
          queueMicrotask(() => done(failed(cancelledError())));
        },
      };
    },
  };
}

describe("an enumeration", () => {
  it.each([4000, 100])("ends after 10 s, whatever it still wants to know (%d ms a request)", async (ms) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const queue = slowQueue(ms);
    let ended: unknown;
    void enumerate(queue).catch((error: unknown) => {
      ended = error;
    });
    await vi.advanceTimersByTimeAsync(10_100);
    expect(ended).toMatchObject({ name: "UsbError", code: "timeout" });
    const asked = queue.requests;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(queue.requests).toBe(asked);
  });
});
