// The enumeration of a device that takes its time.

import { afterEach, describe, expect, it, vi } from "vitest";
import { UsbUsageError } from "../src/errors.ts";
import { FakeUsbHost } from "../src/fake.ts";
import { enumerate } from "../src/requests.ts";
import type { UsbDevice } from "../src/transport.ts";
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

it("another alternate setting brings its own endpoints, and only what there is can be had", async () => {
  const bulk = (address: number) => [7, 5, address, 2, 64, 0, 0];
  const alternate = (setting: number, address: number) => [9, 4, 0, setting, 1, 7, 1, 1, 0, ...bulk(address)];
  const body = [...alternate(0, 0x01), ...alternate(1, 0x02)];
  const heard: (readonly [number, number])[] = [];
  const bus = new FakeUsbHost();
  await bus.plug("1-1", {
    speed: "full",
    descriptors: {
      device: Uint8Array.of(18, 1, 0, 2, 0, 0, 0, 64, 0x30, 8, 2, 0, 0, 1, 0, 0, 0, 1),
      configurations: [Uint8Array.of(9, 2, 9 + body.length, 0, 1, 1, 0, 0x80, 50, ...body)],
    },
    standard({ requestType, request, value, index }) {
      if (requestType === 1 && request === 11) heard.push([index, value]);
      return undefined;
    },
    control: () => new Uint8Array(0),
    out: () => undefined,
    in: () => new Promise(() => undefined),
  });
  const device = await new Promise<UsbDevice>((resolve) => {
    void bus.watch({ attached: resolve, detached: () => undefined, trouble: () => undefined });
  });
  const transport = await device.open();
  await expect(transport.setAlternate(0, 1)).rejects.toThrow(UsbUsageError);
  await transport.claim(0);
  await transport.setAlternate(0, 1);
  expect(await transport.write(0x02, Uint8Array.of(1))).toBe(1);
  await expect(async () => transport.write(0x01, Uint8Array.of(1))).rejects.toThrow(UsbUsageError);
  await expect(transport.setAlternate(0, 2)).rejects.toThrow(UsbUsageError);
  expect(heard).toEqual([[0, 1]]);
});
