// The transport body over what needs no kernel: the in-process fake, and USB/IP over loopback.

import { parseUsbAddress, UsbipHost } from "@devlift/usb";
import { FakeUsbHost } from "@devlift/usb/virtual";
import { LoopbackDevice } from "../../src/usbip/loopback-device.ts";
import { UsbipServer } from "../../src/usbip/server.ts";
import { describeTransport } from "./transport-body.ts";

const ids = { vendorId: 0x1209, productId: 0x0001 };

describeTransport(
  "the fake",
  async () => {
    const host = new FakeUsbHost();
    return {
      host,
      plug: () => host.plug("1-1", new LoopbackDevice(ids)),
      unplug: async () => host.unplug("1-1"),
      close: async () => host.unplug("1-1"),
    };
  },
  ids,
);

describeTransport(
  "USB/IP",
  async () => {
    const server = await UsbipServer.listen();
    const address = parseUsbAddress(server.url("1-1"));
    if (address.kind !== "usbip") throw new TypeError("not a USB/IP address");
    return {
      host: new UsbipHost(address, { retryMs: [1, 10] }),
      plug: async () => server.plug("1-1", new LoopbackDevice(ids)),
      unplug: () => server.unplug("1-1"),
      close: () => server.close(),
    };
  },
  ids,
);
