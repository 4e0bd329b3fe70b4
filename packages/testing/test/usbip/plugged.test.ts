// Which devices are there, of those that a driver wants.

import { DeviceError, type Logger, silent } from "@devlift/core";
import { deviceErrorOf, PluggedIn, UsbError } from "@devlift/usb";
import { FakeUsbHost } from "@devlift/usb/virtual";
import { expect, test } from "vitest";
import { LoopbackDevice } from "../../src/index.ts";

const WANTED = 0x0002;
const wanted = () => new LoopbackDevice({ productId: WANTED });

async function watched() {
  const bus = new FakeUsbHost();
  await bus.plug("1-1", new LoopbackDevice({ productId: 0x0003 }));
  await bus.plug("1-2", wanted());
  const said: string[] = [];
  const say = (_: object, message: string) => void said.push(message);
  const log: Logger = { ...silent, info: say, warn: say };
  const plugged = await PluggedIn.on(bus, {
    what: "scale",
    fits: ({ descriptor }) => descriptor.productId === WANTED,
    log,
  });
  return { bus, plugged, said };
}

test("of several the first that came is used, until it goes", async () => {
  const { bus, plugged, said } = await watched();
  await bus.plug("1-3", wanted());
  expect(plugged.devices.map(({ id }) => id)).toEqual(["1-2", "1-3"]);
  expect(plugged.first.id).toBe("1-2");
  bus.unplug("1-2");
  expect(plugged.first.id).toBe("1-3");
  bus.unplug("1-1");
  bus.unplug("1-3");
  expect(() => plugged.first).toThrow(new DeviceError("ENODEV", "no scale is plugged in"));
  bus.trouble(new UsbError("io", "the bus burns"));
  expect(said).toEqual([
    ...["scale plugged in at 1-2", "scale plugged in at 1-3"],
    ...["scale unplugged from 1-2", "scale unplugged from 1-3", "the bus burns"],
  ]);
});

test("after close() nothing comes and goes", async () => {
  const { bus, plugged } = await watched();
  await plugged.close();
  bus.unplug("1-2");
  expect(plugged.first.id).toBe("1-2");
});

test("a failure of the hardware is an errno, and anything else what it was", () => {
  const failure = new UsbError("stall", "the endpoint stalled");
  expect(deviceErrorOf(failure)).toMatchObject({ code: "EPIPE", message: failure.message, cause: failure });
  const defect = new TypeError("a defect");
  expect(deviceErrorOf(defect)).toBe(defect);
});
