// The port of a daemon that has died, in the hands of the next: what the handheld notices of it.

import { PortMemory } from "@devlift/tty";
import { expect, test } from "vitest";
import { PilotDriver } from "../src/driver.ts";
import { OutputQueue } from "../src/output.ts";
import { bench, MemoryLog, Port } from "./bench.ts";
import { FakeHandheld } from "./fake-handheld.ts";

const M500 = { vendorId: 0x0830, productId: 0x0001 };
const NEVER = new AbortController().signal;
const CALL = { nonBlocking: true, signal: NEVER };

/** A port with 5000 bytes to send, 4096 of them on the wire, when its daemon dies. @returns the next daemon's driver */
async function died() {
  const { bus, driver, port } = await bench();
  const palm = new FakeHandheld(M500);
  await bus.plug("1-1", palm);
  const memory = new Uint8Array(PortMemory.SIZE);
  const line = await driver.open(port, { ...CALL, memory: new PortMemory(memory), goesOn: false });
  palm.hold();
  line.write(Uint8Array.from({ length: 5000 }, (_, index) => index % 251));
  const left = new PortMemory(memory.slice(), true);
  // The kernel takes the interface back.
  palm.release();
  await line.close();
  palm.asked.length = 0;
  palm.received.clear();
  const log = new MemoryLog();
  const next = new PilotDriver({ host: bus, log });
  await next.start();
  return { bus, palm, log, open: (host: Port) => next.open(host, { ...CALL, memory: left, goesOn: true }) };
}

test("it is asked nothing and told nothing, and gets what had not been on the wire", async () => {
  const { palm, log, open } = await died();
  const port = new Port();
  const line = await open(port);
  await line.drain(NEVER);
  expect(palm.asked).toEqual([]);
  expect(palm.received.get(2)).toEqual(Array.from({ length: 904 }, (_, index) => (4096 + index) % 251));
  expect(log.said("4096 bytes were on the wire")).toHaveLength(1);
  palm.send(2, Uint8Array.of(1, 2, 3));
  await port.until(({ bytes }) => bytes.length === 3);
  await line.close();
});

test("after another plug it is another line", async () => {
  const { bus, open } = await died();
  bus.unplug("1-1");
  await expect(open(new Port())).rejects.toMatchObject({ code: "ENODEV" });
  await bus.plug("1-1", new FakeHandheld(M500));
  await expect(open(new Port())).rejects.toMatchObject({ code: "ENODEV" });
});

test("what was on the wire is asked for again where its end will be known, and what it did not send after it", async () => {
  const first = new PortMemory();
  first.append(Uint8Array.of(1, 2, 3, 4, 5));
  first.submit(3);
  const asked: number[][] = [];
  const output = new OutputQueue(
    (bytes) => {
      asked.push([...bytes]);
      return Promise.resolve(Math.min(2, bytes.length));
    },
    { writable: () => undefined, failed: () => undefined },
    first,
  );
  expect(output.goOn(true)).toBe(0);
  await output.drain(NEVER);
  expect(asked).toEqual([[1, 2, 3], [3, 4, 5], [5]]);
});
