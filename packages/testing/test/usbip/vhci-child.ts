// A process of its own that puts a loopback device on this machine's bus and takes it off, by messages from its parent:
// the thread that uses libusb must not be the one that serves the device (see vhci.ts).
// Arguments: vendor and product id in hex. Messages: "plug" (answered with the bus name), "unplug" (with "").

import { type SetupPacket, STALL } from "@devlift/usb/virtual";
import { LoopbackDevice } from "../../src/usbip/loopback-device.ts";
import { UsbipServer } from "../../src/usbip/server.ts";
import { VhciPort } from "../../src/usbip/vhci.ts";

const [vendorId = 0, productId = 0] = process.argv.slice(2).map((id) => Number.parseInt(id, 16));
const BUSID = "1-1";

const server = await UsbipServer.listen();
let port: VhciPort | undefined;

async function plug(): Promise<string> {
  // visor.ko's probe asks with 0xc2; its result is ignored, so zeros will do.
  const vendor = (setup: SetupPacket) => (setup.requestType === 0xc2 ? new Uint8Array(setup.length) : STALL);
  const device = new LoopbackDevice({ vendorId, productId, vendor });
  server.plug(BUSID, device);
  port = await VhciPort.attach(server, BUSID);
  return await port.enumerated();
}

async function unplug(): Promise<string> {
  await server.unplug(BUSID);
  await port?.free();
  port = undefined;
  return "";
}

process.on("message", (message) => {
  const done = message === "plug" ? plug() : unplug();
  done.then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
