// The start of a USB/IP host whose server says nothing. What it does with servers that speak is tested in
// packages/testing, which has one.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { UsbipHost } from "../src/usbip/host.ts";

it("a watch does not wait for a server that is silent, and its close ends the try", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const troubles: string[] = [];
  const host = new UsbipHost({ kind: "usbip", host: "127.0.0.1", port, busid: "1-1" }, { firstTryMs: 1 });
  const watch = await host.watch({
    attached: () => troubles.push("attached"),
    detached: () => troubles.push("detached"),
    trouble: (error) => troubles.push(error.message),
  });
  const socket = await connected;
  const hungUp = once(socket.resume(), "close");
  await watch.close();
  await hungUp;
  expect(troubles).toEqual([]);
  server.close();
  await once(server, "close");
}, 20_000);
