// libusb on a real kernel: the transport body, and what only a kernel can show: its driver is detached and given back.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { interfaceDriver, type UsbWatch } from "@devlift/usb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LOOPBACK } from "../../src/usbip/loopback-device.ts";
import { waitFor } from "../../src/usbip/vhci.ts";
import { bytes, describeTransport, fails, Plugs, text } from "./transport-body.ts";
import { forkScript, type VhciRig, vhciRig } from "./vhci-rig.ts";

const ids = { vendorId: 0x1209, productId: 0x0001 };
describeTransport("libusb", () => vhciRig(ids), ids);

describe("a device that others guard", () => {
  let rig: VhciRig;
  let watch: UsbWatch;
  let seen: Plugs;

  beforeEach(async () => {
    rig = await vhciRig(ids);
    seen = new Plugs((device) => device.descriptor.vendorId === ids.vendorId);
    watch = await rig.host.watch(seen);
    await rig.plug();
  });

  afterEach(async () => {
    await watch.close();
    await rig.close();
  });

  it("is refused without permission, with the rule that gives it", async () => {
    const device = await seen.next("attached");
    process.seteuid?.(65534);
    try {
      await expect(device.open()).rejects.toMatchObject({
        code: "access",
        message: expect.stringMatching(
          /^no permission for \/dev\/bus\/usb\/\d{3}\/\d{3} .*ATTR\{idVendor\}=="1209", ATTR\{idProduct\}=="0001"/,
        ),
      });
    } finally {
      process.seteuid?.(0);
    }
    await (await device.open()).close();
  });

  it("is refused while another program has its interface", async () => {
    const other = forkScript("./claim-child.ts", ids);
    expect(await once(other, "message")).toEqual(["claimed", undefined]);
    const transport = await (await seen.next("attached")).open();
    await expect(transport.claim(0)).rejects.toMatchObject({
      code: "busy",
      message: expect.stringContaining("fuser -v /dev/bus/usb/"),
    });
    const exit = once(other, "exit");
    other.disconnect();
    await exit;
    expect(await transport.claim(0)).toBeUndefined();
    await transport.close();
  });
});

describe("an interface that a kernel driver holds", () => {
  /** palmOne's id, which visor.ko binds to. */
  const palm = { vendorId: 0x0830, productId: 0x0060 };
  let rig: VhciRig;
  let watch: UsbWatch;
  let seen: Plugs;

  beforeEach(async () => {
    execFileSync("modprobe", ["visor"]);
    rig = await vhciRig(palm);
    seen = new Plugs((device) => device.descriptor.vendorId === palm.vendorId);
    watch = await rig.host.watch(seen);
  });

  afterEach(async () => {
    await watch.close();
    await rig.close();
  });

  async function boundToVisor(): Promise<void> {
    await waitFor("visor to bind", 30_000, () => interfaceDriver(rig.busid, 1, 0) === "visor" || undefined);
    await waitFor("the tty", 30_000, () => existsSync("/dev/ttyUSB0") || undefined);
  }

  it("is taken over by claim and given back by close", async () => {
    await rig.plug();
    await boundToVisor();
    const device = await seen.next("attached");
    for (let round = 0; round < 3; round++) {
      const transport = await device.open();
      expect(interfaceDriver(rig.busid, 1, 0)).toBe("visor");
      expect(await transport.claim(0)).toBe("visor");
      expect(interfaceDriver(rig.busid, 1, 0)).toBe("usbfs");
      await transport.write(LOOPBACK.OUT1, bytes("taken"));
      expect(text(await transport.read(LOOPBACK.IN1, 64))).toBe("taken");
      const pending = transport.read(LOOPBACK.IN1, 64);
      await Promise.all([fails(pending, "cancelled"), transport.close()]);
      await boundToVisor();
    }
  });

  it("is not given back to a device that is gone", async () => {
    await rig.plug();
    await boundToVisor();
    const transport = await (await seen.next("attached")).open();
    expect(await transport.claim(0)).toBe("visor");
    await rig.unplug();
    await transport.close();
    expect(existsSync("/dev/ttyUSB0")).toBe(false);
  });
});
