import { getEventListeners } from "node:events";
import { UsbError, type UsbWatch } from "@devlift/usb";
import { STALL } from "@devlift/usb/virtual";
import { expect, test, vi } from "vitest";
import { PilotDriver } from "../src/driver.ts";
import { bench, MemoryLog } from "./bench.ts";
import { configurationBytes, TWO_PORTS } from "./descriptors.ts";
import { FakeHandheld, type FakeHandheldOptions, SAYS_PORT_2, text } from "./fake-handheld.ts";

const M500 = { vendorId: 0x0830, productId: 0x0001 };
const VISOR = { vendorId: 0x082d, productId: 0x0100 };
const CLIE_35 = { vendorId: 0x054c, productId: 0x0038 };
const ONE_PORT = [{ bulk: [0x81, 0x01] }];
const LSFR = Uint8Array.from([1, 0, 0, 0, ...text("Lsfr"), 1, 0, 0, 0, ...Array<number>(8).fill(0)]);

/** Opens a handheld and says which requests it got and where its bytes went. */
async function greeted(options: FakeHandheldOptions) {
  const { bus, open } = await bench();
  const palm = new FakeHandheld(options);
  await bus.plug("1-1", palm);
  palm.askedStandard.length = 0;
  const line = await open();
  line.write(Uint8Array.of(1));
  await line.drain(new AbortController().signal);
  const asked = [...palm.askedStandard, ...palm.asked];
  await line.close();
  return { asked, out: [...palm.received.keys()] };
}

test.each([
  ["palm_os_3", VISOR, { asked: ["c2 3 i0 l6", "c2 1 i5 l2"], out: [2] }],
  ["palm_os_4", M500, { asked: ["c2 4 i0 l20"], out: [2] }],
  [
    "palm_os_4, an id of pilot-link's",
    { vendorId: 0x0830, productId: 0x0010 },
    { asked: ["c2 4 i0 l20", "c2 1 i5 l2"], out: [2] },
  ],
  ["palm_os_4 that stalls everything", { ...M500, answers: {} }, { asked: ["c2 4 i0 l20"], out: [2] }],
  ["clie_5", { vendorId: 0x054c, productId: 0x0144, answers: {} }, { asked: ["c2 4 i0 l20"], out: [2] }],
  ["clie_3_5", { ...CLIE_35, interfaces: ONE_PORT, configurationValue: 3 }, { asked: ["80 8", "81 10"], out: [1] }],
  ["m100", { vendorId: 0x0830, productId: 0x0080 }, { asked: [], out: [2] }],
] as const)("a handheld is greeted as its family wants it: %s", async (_family, options, expected) => {
  expect(await greeted(options)).toEqual(expected);
});

test("a Treo 90 answers 0x04 with nothing, and says its endpoints on the interrupt endpoint", async () => {
  const { bus, open } = await bench();
  const interfaces = [{ bulk: [0x81, 0x84, 0x01, 0x04], interrupt: [0x82, 0x83] }];
  const treo = new FakeHandheld({ vendorId: 0x082d, productId: 0x0200, interfaces, answers: { 4: new Uint8Array(0) } });
  treo.send(
    2,
    Uint8Array.from([0x2d, 8, 0, 2, 0, 0, 1, 1, 0, 0, ...text("cnys"), 0, 0x41, ...Array<number>(10).fill(0)]),
  );
  await bus.plug("1-1", treo);
  const line = await open();
  line.write(Uint8Array.of(1));
  await line.drain(new AbortController().signal);
  expect([...treo.received.keys()]).toEqual([1]);
  await line.close();
});

test("with nothing there open says ENODEV each time, and the log once", async () => {
  const { open, log } = await bench();
  for (let i = 0; i < 5; i++) await expect(open()).rejects.toMatchObject({ code: "ENODEV" });
  expect(log.said("open refused")).toEqual([expect.stringContaining("press the HotSync button")]);
});

test.each([
  ["access", "EACCES"],
  ["busy", "EBUSY"],
  ["gone", "ENODEV"],
  ["io", "EIO"],
] as const)("a bus that refuses with %s is %s for the client", async (code, errno) => {
  const { bus, open, log } = await bench();
  await bus.plug("1-1", new FakeHandheld(M500), { openError: new UsbError(code, "what the bus says") });
  await expect(open()).rejects.toMatchObject({ code: errno });
  expect(log.said("warn open refused: Palm m500 (0830:0001) at 1-1: what the bus says")).toHaveLength(1);
});

test("a claim that is refused leaves the device free", async () => {
  const { bus, open } = await bench();
  const options = { claimError: new UsbError("busy", "another program has it") };
  await bus.plug("1-1", new FakeHandheld(M500), options);
  await expect(open()).rejects.toMatchObject({ code: "EBUSY" });
  await expect(open()).rejects.toMatchObject({ code: "EBUSY", message: expect.stringContaining("another program") });
});

test.each([
  ["0x03 with a stall", { ...VISOR, answers: {} }, "did not answer request 0x03"],
  ["0x03 with five bytes", { ...VISOR, answers: { 3: new Uint8Array(5) } }, "5 bytes, not 6"],
  ["0x04 with Lsfr", { ...M500, answers: { 4: LSFR } }, "press the HotSync button"],
  ["another configuration", { ...M500, configurationValue: 2 }, "active configuration is 2"],
  ["missing endpoints", { ...M500, interfaces: [{}] }, "bulk IN and a bulk OUT"],
  ["an endpoint that it has not", { ...M500, interfaces: ONE_PORT }, "endpoint 2, but has only 1"],
] as const)("a handheld that cannot be used is ENODEV and a line in the log: %s", async (_what, options, sentence) => {
  const { bus, open, log } = await bench();
  await bus.plug("1-1", new FakeHandheld(options), { kernelDriver: "visor" });
  await expect(open()).rejects.toMatchObject({ code: "ENODEV" });
  expect(log.said(sentence)).toHaveLength(1);
  expect(bus.claimed("1-1")).toEqual([]);
});

test.each([
  ["stalls", STALL],
  ["answers with nothing", new Uint8Array(0)],
] as const)("an old Clie that %s to the standard requests is refused", async (_what, answer) => {
  const { bus, open } = await bench();
  const clie = new FakeHandheld({ ...CLIE_35, interfaces: ONE_PORT });
  await bus.plug("1-1", clie);
  Object.assign(clie, { standard: () => answer });
  await expect(open()).rejects.toMatchObject({ code: "ENODEV" });
});

test("an open that is interrupted ends the probe, and is no word in the log", async () => {
  const { bus, open, log } = await bench();
  const silent = new FakeHandheld({ ...M500, answers: { 4: new Promise<typeof STALL>(() => {}) } });
  await bus.plug("1-1", silent);
  const abort = new AbortController();
  const opening = open(abort.signal);
  await silent.until(() => silent.asked.length === 1);
  abort.abort();
  await expect(opening).rejects.toMatchObject({ code: "EINTR" });
  expect([log.said("open"), bus.claimed("1-1")]).toEqual([[], []]);
});

test("a handheld that does not answer within 300 ms is not waited for", async () => {
  const { bus, open } = await bench();
  const never = new Promise<typeof STALL>(() => {});
  await bus.plug("1-1", new FakeHandheld({ ...VISOR, answers: { 3: never } }));
  await expect(open()).rejects.toMatchObject({ code: "ENODEV", message: expect.stringContaining("300 ms") });
});

test("of two handhelds the first is used, and the log names the other", async () => {
  const { bus, open, log } = await bench();
  const [first, second] = [new FakeHandheld(M500), new FakeHandheld(VISOR)];
  await bus.plug("1-1", first);
  await bus.plug("1-2", second);
  expect(log.said("one more handheld plugged in: Handspring Visor")).toHaveLength(1);
  await (await open()).close();
  expect([first.asked.length > 0, second.asked]).toEqual([true, []]);

  bus.unplug("1-1");
  expect(log.said("from now on Handspring Visor")).toHaveLength(1);
  await (await open()).close();
  expect(second.asked.length).toBeGreaterThan(0);
});

test("a device of Palm that is not in the table gets a word, any other none", async () => {
  const { bus, log } = await bench();
  await bus.plug("1-1", new FakeHandheld({ vendorId: 0x0830, productId: 0x0999 }));
  await bus.plug("1-2", new FakeHandheld({ vendorId: 0x1234, productId: 0x0001 }));
  expect(log.lines).toEqual([expect.stringContaining("0830:0999 at 1-1 is no handheld that this driver knows")]);
});

test("trouble on the bus is logged", async () => {
  const { bus, log } = await bench();
  await bus.plug("1-1", new FakeHandheld({ ...M500, configuration: Uint8Array.of(9, 2, 9) }));
  expect(log.said("warn 1-1:")).toHaveLength(1);
});

test("--wait: an open waits for a handheld, and ends by its signal", async () => {
  const { bus, open, log } = await bench({ wait: true });
  const abort = new AbortController();
  const interrupted = open(abort.signal);
  abort.abort();
  await expect(interrupted).rejects.toMatchObject({ code: "EINTR" });

  const waiting = open();
  await bus.plug("1-1", new FakeHandheld(M500));
  await (await waiting).close();
  expect(log.said("open waits: no handheld")).toHaveLength(1);
});

test("--wait: an open waits until HotSync runs on a handheld that is plugged in", async () => {
  const { bus, open, log } = await bench({ wait: true });
  const t5 = new FakeHandheld({ ...M500, answers: { 4: LSFR } });
  await bus.plug("1-1", t5);
  const waiting = open();
  await t5.until(() => t5.asked.length === 1);
  t5.answers = SAYS_PORT_2;
  await (await waiting).close();
  expect(log.said("open waits: Palm m500")).toHaveLength(1);
});

test("--wait: a handheld that leaves while it is asked does not end the waiting", async () => {
  const { bus, open } = await bench({ wait: true });
  const t5 = new FakeHandheld({ ...M500, answers: { 4: LSFR } });
  await bus.plug("1-1", t5);
  const waiting = open();
  await t5.until(() => t5.asked.length === 1);
  bus.unplug("1-1");
  await bus.plug("1-2", new FakeHandheld({ ...VISOR, configuration: configurationBytes([TWO_PORTS]) }));
  await (await waiting).close();
});

test("closing the driver frees a waiting open and gives an open handheld back", async () => {
  const waits = await bench({ wait: true });
  const waiting = waits.open();
  await waits.driver.close();
  await expect(waiting).rejects.toMatchObject({ code: "EINTR" });

  const { bus, open, driver } = await bench();
  const palm = new FakeHandheld(M500);
  await bus.plug("1-1", palm, { kernelDriver: "visor" });
  await open();
  await driver.close();
  expect([palm.asked.at(-1), bus.claimed("1-1")]).toEqual(["c2 2 i0 l18", []]);
});

test("a driver that is closed while its start waits ends the watch that comes of it", async () => {
  let begun: (watch: UsbWatch) => void = () => {};
  const watch = new Promise<UsbWatch>((resolve) => {
    begun = resolve;
  });
  const driver = new PilotDriver({ host: { name: "slow", watch: () => watch }, log: new MemoryLog() });
  const started = driver.start();
  const closed = driver.close();
  let ended = 0;
  begun({
    close: async () => {
      ended++;
    },
  });
  await Promise.all([started, closed]);
  expect(ended).toBe(1);
});

test("opens leave nothing behind on the signals that outlive them", async () => {
  const made = vi.spyOn(AbortSignal, "any");
  const { driver, open } = await bench();
  const call = new AbortController().signal;
  for (let i = 0; i < 3; i++) await expect(open(call)).rejects.toMatchObject({ code: "ENODEV" });
  expect([made.mock.calls, getEventListeners(call, "abort")]).toEqual([[], []]);
  await driver.close();
  await expect(open(call)).rejects.toMatchObject({ code: "ENODEV" });
  made.mockRestore();
});
