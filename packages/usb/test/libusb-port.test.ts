// A transfer's callback lives as long as the binding's object for it, so it must lead nowhere once it has been called.

import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { LibusbPort } from "../src/libusb/port.ts";
import type { UrbResult } from "../src/urb.ts";

type Callback = (error: Error | undefined, buffer: Buffer, actual: number) => void;

it("what a finished transfer was for can be collected while the binding still holds its callback", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const callbacks: Callback[] = [];
  class Transfer {
    constructor(_device: object, _endpoint: number, _type: number, _timeout: number, callback: Callback) {
      callbacks.push(callback);
    }
    submit(buffer: Buffer): void {
      queueMicrotask(() => callbacks.at(-1)?.(undefined, buffer, buffer.length));
    }
  }
  const plug = { gone: new AbortController().signal, unplugged: () => {}, released: () => {} };
  const identity = { name: "9-9", node: "/dev/bus/usb/009/009", configurationValue: 1 };
  // The port asks no more of the two than is here.
  const port: LibusbPort = Reflect.construct(LibusbPort, [{ Transfer }, {}, identity, plug]);

  const transferred = async (): Promise<WeakRef<object>> => {
    const owner = { results: 0 };
    await new Promise<UrbResult>((resolve) => {
      const urb = { type: "bulk", direction: "in", endpoint: 0x81, length: 64 } as const;
      port.submit({ ...urb, data: new Uint8Array(0), interval: 0 }, (result) => {
        owner.results++;
        resolve(result);
      });
    });
    expect(owner.results).toBe(1);
    return new WeakRef(owner);
  };
  const owner = await transferred();
  await sleep(0);
  collect();
  expect(owner.deref()).toBeUndefined();
  expect(callbacks).toHaveLength(1);
});
