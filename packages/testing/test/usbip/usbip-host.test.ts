// The USB/IP host against servers that are empty, busy, restarted, or hostile.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  listExportedDevices,
  type StreamParser,
  StreamReader,
  UsbError,
  UsbipHost,
  type UsbWatch,
  usbipProtocol as usbip,
} from "@devlift/usb";
import { FakeUsbHost } from "@devlift/usb/virtual";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LOOPBACK, LoopbackDevice } from "../../src/usbip/loopback-device.ts";
import { UsbipServer } from "../../src/usbip/server.ts";
import { fails, Plugs, seededBytes } from "./transport-body.ts";

const BUSID = "1-1";
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function watching(port: number): Promise<{ seen: Plugs; watch: UsbWatch }> {
  const host = new UsbipHost({ kind: "usbip", host: "127.0.0.1", port, busid: BUSID }, { retryMs: [1, 10] });
  const seen = new Plugs();
  const watch = await host.watch(seen);
  cleanups.push(() => watch.close());
  return { seen, watch };
}

async function goodServer(port = 0): Promise<UsbipServer> {
  const server = await UsbipServer.listen({ port });
  cleanups.push(() => server.close());
  return server;
}

/** A server that hands each connection to a script. */
class ScriptedServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  connections = 0;
  #onConnection: (() => void)[] = [];

  private constructor(server: Server, script: (socket: Socket, connection: number) => void) {
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      this.connections++;
      script(socket, this.connections);
      for (const tell of this.#onConnection.splice(0)) tell();
    });
  }

  static async listen(script: (socket: Socket, connection: number) => void): Promise<ScriptedServer> {
    const server = createServer({ noDelay: true });
    const own = new ScriptedServer(server, script);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => own.close());
    return own;
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async connected(count: number): Promise<void> {
    while (this.connections < count) await new Promise<void>((resolve) => this.#onConnection.push(resolve));
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const RECORD: usbip.DeviceRecord = {
  ...{ path: "/sys/x", busid: BUSID, busnum: 1, devnum: 2, speed: usbip.USB_SPEED.FULL },
  ...{ vendorId: 0x1209, productId: 1, deviceVersion: 0x100, deviceClass: 0, deviceSubClass: 0, deviceProtocol: 0 },
  ...{ configurationValue: 1, configurationCount: 1, interfaceCount: 1 },
};
const IMPORTED = Buffer.concat([
  usbip.encodeOpHeader({ code: usbip.OP_REP_IMPORT, status: usbip.ST_OK }),
  usbip.encodeDeviceRecord(RECORD),
]);

function refused(status: number): Buffer {
  return usbip.encodeOpHeader({ code: usbip.OP_REP_IMPORT, status });
}

/** Imports, then answers the first request by `reply`. */
function answering(reply: (cmd: usbip.CmdSubmit) => Buffer): (socket: Socket) => void {
  return (socket) => {
    const reader = new StreamReader(parse());
    socket.on("data", (chunk) => reader.push(chunk));
    function* parse(): StreamParser {
      yield usbip.OP_HEADER_LENGTH + usbip.BUSID_LENGTH;
      socket.write(IMPORTED);
      const cmd = usbip.decodeCommand(yield usbip.HEADER_LENGTH);
      if (cmd.command === usbip.USBIP_CMD_SUBMIT) socket.write(reply(cmd));
      for (;;) yield 1;
    }
  };
}

describe("a USB/IP host", () => {
  it("says once that the device is not exported, with what is, and sees it come", async () => {
    const server = await goodServer();
    server.plug("3-2", new LoopbackDevice({ vendorId: 0x0830, productId: 0x0060 }));
    const { seen } = await watching(server.port);
    const [trouble] = await seen.troubled();
    expect(trouble).toMatchObject({ code: "gone" });
    expect(trouble?.message).toBe(
      `device 1-1 is not exported, by 127.0.0.1:${server.port}; it exports 3-2 (0830:0060). ` +
        "Waiting for it to be plugged in and exported there",
    );
    const attached = seen.next("attached");
    server.plug(BUSID, new LoopbackDevice());
    expect((await attached).id).toBe("1-1@127.0.0.1");
    expect(seen.troubles).toHaveLength(1);
  });

  it("asks again and again without saying it again", async () => {
    const server = await ScriptedServer.listen((socket) => void socket.end(refused(usbip.ST_NA)));
    const { seen } = await watching(server.port);
    await server.connected(10);
    expect(seen.troubles).toHaveLength(1);
  });

  it("says that another client has the device, and gets it when that lets go", async () => {
    const server = await goodServer();
    server.plug(BUSID, new LoopbackDevice());
    const first = await watching(server.port);
    await first.seen.next("attached");
    const second = await watching(server.port);
    expect(await second.seen.troubled()).toMatchObject([{ code: "busy" }]);
    const attached = second.seen.next("attached");
    await first.watch.close();
    await attached;
  });

  it("survives a server that goes away and comes back", async () => {
    const server = await goodServer();
    const device = new LoopbackDevice();
    server.plug(BUSID, device);
    const { seen } = await watching(server.port);
    const transport = await (await seen.next("attached")).open();
    await transport.claim(0);
    const pending = transport.read(LOOPBACK.IN1, 64);
    await Promise.all([fails(pending, "gone"), seen.next("detached"), server.close()]);
    expect(device.unplugs).toBe(1);
    expect(await seen.troubled()).toMatchObject([
      { code: "io", message: expect.stringContaining("cannot be reached") },
    ]);
    const attached = seen.next("attached");
    (await goodServer(server.port)).plug(BUSID, device);
    expect(await attached).not.toBe(transport.device);
  });

  it("reports a device with bad descriptors as trouble, once", async () => {
    const server = await goodServer();
    const bad = new LoopbackDevice();
    bad.descriptors.device[7] = 3;
    server.plug(BUSID, bad);
    const { seen } = await watching(server.port);
    expect(await seen.troubled()).toMatchObject([
      { code: "descriptor", message: expect.stringContaining("bMaxPacketSize0 3") },
    ]);
  });

  it("lists what a server exports", async () => {
    const server = await goodServer();
    server.plug(BUSID, new LoopbackDevice());
    server.plug("usbip-vudc.0", new LoopbackDevice({ vendorId: 0x0830 }));
    expect(await listExportedDevices(server)).toMatchObject([
      { busid: BUSID, vendorId: 0x1209, interfaceCount: 1, speed: usbip.USB_SPEED.FULL },
      { busid: "usbip-vudc.0", vendorId: 0x0830 },
    ]);
  });
});

describe("a hostile USB/IP server", () => {
  const ret = (cmd: usbip.CmdSubmit, actualLength: number, data = Buffer.alloc(0)) =>
    Buffer.concat([usbip.encodeRetSubmit({ seqnum: cmd.seqnum, status: 0, actualLength }), data]);

  it.each<[string, string, (socket: Socket) => void]>([
    ["speaks something else", "is it a USB/IP server?", (socket) => void socket.write("SSH-2.0-OpenSSH_9.2p1\r\n")],
    ["hangs up at once", "closed the connection", (socket) => void socket.destroy()],
    [
      "answers another request",
      "reply 0x5 to an import",
      (socket) => {
        socket.write(usbip.encodeOpHeader({ code: usbip.OP_REP_DEVLIST, status: 0 }));
      },
    ],
    [
      "hands out another device",
      'sent device "9-9"',
      (socket) => {
        socket.write(Buffer.concat([IMPORTED.subarray(0, 8), usbip.encodeDeviceRecord({ ...RECORD, busid: "9-9" })]));
      },
    ],
    [
      "answers what was never asked",
      "request 77",
      (socket) => {
        socket.write(Buffer.concat([IMPORTED, usbip.encodeRetSubmit({ seqnum: 77, status: 0, actualLength: 0 })]));
      },
    ],
    [
      "ends an unlink that never was",
      "unlink 78",
      (socket) => {
        socket.write(Buffer.concat([IMPORTED, usbip.encodeRetUnlink({ seqnum: 78, status: -104 })]));
      },
    ],
    [
      "sends a command",
      "reply 1 is neither",
      (socket) => {
        const cmd = { seqnum: 1, devid: 0, unlinkSeqnum: 1 };
        socket.write(Buffer.concat([IMPORTED, usbip.encodeCmdUnlink(cmd).fill(1, 3, 4)]));
      },
    ],
    [
      "sends without end",
      "reply 0 is neither",
      (socket) => {
        socket.write(IMPORTED);
        const more = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65536)));
        };
        socket.on("drain", more);
        more();
      },
    ],
    [
      "answers with more than was asked for",
      "2147483647 bytes for a transfer of 18",
      answering((cmd) => ret(cmd, 0x7fffffff)),
    ],
    ["answers with an empty descriptor", "0 bytes, not 18", answering((cmd) => ret(cmd, 0))],
    ["answers with a wrong descriptor", "bLength 0", answering((cmd) => ret(cmd, 18, Buffer.alloc(18)))],
  ])("that %s is trouble, and nothing worse", async (_, message, script) => {
    const hostile = await ScriptedServer.listen(script);
    const { port } = hostile;
    const { seen } = await watching(port);
    const [trouble] = await seen.troubled();
    expect(trouble?.message).toContain(message);
    await hostile.close();
    const attached = seen.next("attached");
    (await goodServer(port)).plug(BUSID, new LoopbackDevice());
    await attached;
  });

  it("that never answers an unlink loses the connection", async () => {
    const server = await goodServer();
    const device = new LoopbackDevice();
    server.plug(BUSID, device);
    // Lets everything through, but for the server's answers once `mute` is set.
    let mute = false;
    const proxy = await ScriptedServer.listen((client) => {
      const upstream = connect(server.port, "127.0.0.1");
      client.pipe(upstream);
      upstream.on("data", (chunk) => mute || client.write(chunk));
    });
    const { seen } = await watching(proxy.port);
    const transport = await (await seen.next("attached")).open();
    await transport.claim(0);
    const stop = new AbortController();
    const read = transport.read(LOOPBACK.IN1, 64, { signal: stop.signal });
    mute = true;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      stop.abort();
      vi.advanceTimersByTime(10_000);
    } finally {
      vi.useRealTimers();
    }
    await fails(read, "gone");
    await seen.next("detached");
    expect((await seen.troubled())[0]?.message).toContain("no answer to CMD_UNLINK");
  });

  it("that sends noise after the import is dropped each time: 200 connections", async () => {
    const server = await ScriptedServer.listen((socket, connection) => {
      const noise = seededBytes(connection * 3, connection);
      // Half of them look like a reply at first.
      if (connection % 2 === 0)
        noise.set(usbip.encodeRetSubmit({ seqnum: 1, status: 0, actualLength: 9 }).subarray(0, noise.length));
      socket.end(Buffer.concat([IMPORTED, noise]));
    });
    const { seen } = await watching(server.port);
    await server.connected(200);
    for (const trouble of seen.troubles) expect(trouble).toBeInstanceOf(UsbError);
  });
});

describe("the USB/IP server", () => {
  it("drops a hostile client and serves the next", async () => {
    const errors: UsbError[] = [];
    const server = await UsbipServer.listen({ onClientError: (error) => errors.push(error) });
    cleanups.push(() => server.close());
    server.plug(BUSID, new LoopbackDevice());
    const submit = (change: Partial<usbip.CmdSubmit>) =>
      usbip.encodeCmdSubmit({
        ...{ seqnum: 1, devid: 0, direction: usbip.USBIP_DIR_IN, endpoint: 1, flags: 0, length: 64, interval: 0 },
        setup: new Uint8Array(8),
        ...change,
      });
    const attempts: [string, Buffer][] = [
      ["version", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
      ["unknown request 0x8001", usbip.encodeOpHeader({ code: 0x8001, status: 0 })],
      ["4294967295 bytes", Buffer.concat([usbip.encodeImportRequest(BUSID), submit({ length: 0xffffffff })])],
      ["in flight already", Buffer.concat([usbip.encodeImportRequest(BUSID), submit({}), submit({})])],
      ["endpoint 99", Buffer.concat([usbip.encodeImportRequest(BUSID), submit({ endpoint: 99 })])],
    ];
    for (const [message, bytes] of attempts) {
      const socket = connect(server.port, "127.0.0.1");
      socket.resume();
      socket.on("error", () => {});
      socket.write(bytes);
      await once(socket, "close");
      expect(errors.at(-1)?.message).toContain(message);
    }
    expect(errors).toHaveLength(attempts.length);
    const { seen } = await watching(server.port);
    await seen.next("attached");
    expect(server.imported(BUSID)).toBe(true);
  });
});

describe("the fake", () => {
  it("has the kernel driver, the refusals and the troubles that a test asks for", async () => {
    const host = new FakeUsbHost();
    const seen = new Plugs();
    await host.watch(seen);
    await host.plug("1-1", new LoopbackDevice(), { kernelDriver: "visor" });
    const transport = await (await seen.next("attached")).open();
    expect(await transport.claim(0)).toBe("visor");
    expect(host.claimed("1-1")).toEqual([0]);
    await transport.close();
    expect(host.claimed("1-1")).toEqual([]);

    await host.plug("1-2", new LoopbackDevice(), { openError: new UsbError("access", "no permission") });
    await fails((await seen.next("attached")).open(), "access");
    await host.plug("1-3", new LoopbackDevice(), { claimError: new UsbError("busy", "another program") });
    const third = await (await seen.next("attached")).open();
    await fails(third.claim(0), "busy");

    const bad = new LoopbackDevice();
    bad.descriptors.device[0] = 0;
    await host.plug("1-4", bad);
    expect(seen.troubles).toMatchObject([{ code: "descriptor", message: expect.stringContaining("1-4: ") }]);
  });
});
