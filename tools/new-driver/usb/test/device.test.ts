// The device on a kernel in memory, and its hardware on a bus in memory: a loopback, whose bulk endpoints are one pipe.

import { MemoryKernel, POLL, serve, silent } from "@devlift/core";
import { LoopbackDevice } from "@devlift/testing";
import { PluggedIn, UsbError } from "@devlift/usb";
import { type FakePlugOptions, FakeUsbHost } from "@devlift/usb/virtual";
import { expect, onTestFinished, test } from "vitest";
import { createDevice } from "../src/device.ts";
import { isOurs, PRODUCT, VENDOR } from "../src/protocol.ts";

const PLACE = "1-1";
const bytes = (text: string) => new TextEncoder().encode(text);

async function served() {
  const bus = new FakeUsbHost();
  const plugged = await PluggedIn.on(bus, { what: "NAME", fits: isOurs, log: silent });
  const kernel = new MemoryKernel();
  const channel = await serve(
    createDevice(() => plugged.first),
    { channel: kernel, log: silent },
  );
  onTestFinished(async () => {
    await channel.close();
    await plugged.close();
  });
  const plug = (options?: FakePlugOptions) =>
    bus.plug(PLACE, new LoopbackDevice({ vendorId: VENDOR, productId: PRODUCT }), options);
  return { bus, kernel, plug };
}

test("without the hardware an open is refused, and with something else", async () => {
  const { bus, kernel } = await served();
  await bus.plug(PLACE, new LoopbackDevice({ vendorId: VENDOR, productId: PRODUCT + 1 }));
  await expect(kernel.openFile()).rejects.toMatchObject({ code: "ENODEV" });
});

test("what is written goes out, and what comes in is read", async () => {
  const { kernel, plug } = await served();
  await plug();
  const file = await kernel.openFile();
  const reading = file.read(100);
  await file.write(bytes("hello"));
  expect(await reading).toEqual(bytes("hello"));
  expect((await file.poll()) & (POLL.IN | POLL.OUT)).toBe(POLL.OUT);
});

test("one program has it at a time", async () => {
  const { kernel, plug } = await served();
  await plug();
  const file = await kernel.openFile();
  await expect(kernel.openFile()).rejects.toMatchObject({ code: "EBUSY" });
  await file.close();
  await kernel.openFile();
});

test("unplug ends a waiting read, and a new plug serves the next open", async () => {
  const { bus, kernel, plug } = await served();
  await plug();
  const file = await kernel.openFile();
  const reading = file.read(100);
  bus.unplug(PLACE);
  await expect(reading).rejects.toMatchObject({ code: "ENODEV" });
  await expect(kernel.openFile()).rejects.toMatchObject({ code: "ENODEV" });
  await file.close();
  await plug();
  await kernel.openFile();
});

test("hardware that may not be opened is EACCES", async () => {
  const { kernel, plug } = await served();
  await plug({ openError: new UsbError("access", "no permission") });
  await expect(kernel.openFile()).rejects.toMatchObject({ code: "EACCES" });
});
