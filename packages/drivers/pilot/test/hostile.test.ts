// Devices that lie: whatever their descriptors and answers are, an open is a working line or ENODEV or EIO with a line
// in the log, the interface is free again, and nothing else is thrown.

import { DeviceError } from "@devlift/core";
import { STALL } from "@devlift/usb/virtual";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MODELS } from "../src/models.ts";
import { bench } from "./bench.ts";
import { configurationBytes, deviceBytes, type Interface, TWO_PORTS } from "./descriptors.ts";
import { FakeHandheld, SAYS_PORT_2, text } from "./fake-handheld.ts";

const RUNS = 10_000;

const byte = fc.nat(255);
const model = fc.constantFrom(...MODELS);

/** Well-formed, with endpoints that make sense or do not. */
const interfaceOf: fc.Arbitrary<Interface> = fc.record({
  bulk: fc.uniqueArray(fc.constantFrom(0x81, 0x82, 0x83, 0x84, 0x8f, 0x01, 0x02, 0x03, 0x0f), { maxLength: 5 }),
  interrupt: fc.uniqueArray(fc.constantFrom(0x85, 0x86, 0x87), { maxLength: 3 }),
  interfaceClass: fc.constantFrom(0xff, 0x0a, 0x00),
  packetSize: fc.constantFrom(64, 8, 1, 512, 1024, 0, 0xffff),
});

const wellFormed = fc
  .tuple(fc.array(interfaceOf, { minLength: 1, maxLength: 3 }), fc.constantFrom(1, 1, 1, 2))
  .map(([interfaces, value]) => configurationBytes(interfaces, value));

/** A good descriptor with some bytes changed, and perhaps cut off. */
const mutated = fc
  .tuple(fc.array(fc.tuple(fc.nat(40), byte), { minLength: 1, maxLength: 4 }), fc.nat(45))
  .map(([changes, cut]) => {
    const bytes = configurationBytes([TWO_PORTS]);
    for (const [offset, value] of changes) bytes[offset % bytes.length] = value;
    return cut < 40 ? bytes : bytes.slice(0, cut);
  });

const garbage = fc.uint8Array({ maxLength: 80 });

const creator = fc.constantFrom("cnys", "Lsfr", "rdbg", "\0\0\0\0", "\xff\xfe\n\r");
const connection = fc.tuple(creator, byte, byte).map(([name, port, pair]) => [...text(name), port, pair, 0, 0]);
const plausible = fc
  .tuple(byte, fc.constantFrom(0, 1, 255), connection, connection)
  .map(([ports, differ, first, second]) => Uint8Array.from([ports, differ, 0, 0, ...first, ...second]));
const visor = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 0xffff), byte, fc.nat(4), byte, fc.nat(4))
  .map(([ports, a, use, b, other]) => Uint8Array.of(ports & 0xff, ports >> 8, use, a % 4, other, b % 4));
const answer = fc.oneof(plausible, visor, garbage, fc.constant<typeof STALL>(STALL));

const hostile = fc.record({
  model,
  device: fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: garbage }),
  configuration: fc.oneof(
    { weight: 6, arbitrary: wellFormed },
    { weight: 3, arbitrary: mutated },
    { weight: 1, arbitrary: garbage },
  ),
  answers: fc.record({ 1: answer, 2: answer, 3: answer, 4: answer }),
  /** What an interrupt or bulk endpoint says without being asked. */
  packet: garbage,
  /** Turns of the microtask queue until it is unplugged; undefined: it stays. */
  unplugAfter: fc.option(fc.nat(60), { freq: 1, nil: undefined }),
});

test(`${RUNS} hostile handhelds`, { timeout: 300_000 }, async () => {
  const outcomes = { lines: 0, refused: 0, neverThere: 0 };
  await fc.assert(
    fc.asyncProperty(hostile, async ({ model, device, configuration, answers, packet, unplugAfter }) => {
      const { bus, driver, log, open } = await bench();
      const palm = new FakeHandheld({ ...model, device: device ?? deviceBytes(model), configuration, answers });
      for (const endpoint of [1, 2, 3, 5]) palm.send(endpoint, packet);
      await bus.plug("1-1", palm);
      const unplugged = unplugAfter === undefined ? undefined : turns(unplugAfter).then(() => bus.unplug("1-1"));
      try {
        const line = await open();
        line.write(Uint8Array.of(1, 2, 3));
        await unplugged;
        await line.close();
        outcomes.lines++;
      } catch (error) {
        expect(error).toBeInstanceOf(DeviceError);
        expect(["ENODEV", "EIO"]).toContain(error instanceof DeviceError ? error.code : error);
        expect(log.said("open refused")).toHaveLength(1);
        if (log.said("handheld plugged in").length > 0) outcomes.refused++;
        else outcomes.neverThere++;
      }
      await unplugged;
      expect(bus.claimed("1-1")).toEqual([]);
      expect(log.lines.filter((line) => line.startsWith("error") || /\p{Cc}/u.test(line))).toEqual([]);
      await driver.close();
    }),
    { numRuns: RUNS },
  );
  // None of the three is rare, or the property would say little.
  for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(RUNS / 20);
});

test("a good handheld is none of these", async () => {
  const { bus, open } = await bench();
  await bus.plug("1-1", new FakeHandheld({ vendorId: 0x0830, productId: 0x0001, answers: SAYS_PORT_2 }));
  await (await open()).close();
});

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await null;
}
