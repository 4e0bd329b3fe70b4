// A USB/IP server that exports virtual devices to anything that speaks the protocol: @devlift/usb, the kernel's
// vhci_hcd, a stock `usbip attach`. Listens on loopback: the protocol knows no authentication.
// Lifetimes: a UsbipServer from listen() to close(); an export from plug() to unplug(); an import (UsbipSession)
// while a client's connection holds the device. A device that its client lets go can be imported again.

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import {
  parseConfigurationDescriptor,
  parseDeviceDescriptor,
  type StreamParser,
  StreamReader,
  UsbError,
  UsbUsageError,
  usbipProtocol as usbip,
} from "@devlift/usb";
import type { VirtualUsbDevice } from "@devlift/usb/virtual";
import { UsbipSession } from "./session.ts";

export interface UsbipServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port, see `port`. */
  readonly port?: number;
  /** Told what a client did wrong before its connection is dropped. Default: nobody. */
  readonly onClientError?: (error: UsbError) => void;
}

interface Exported {
  readonly device: VirtualUsbDevice;
  readonly record: usbip.DeviceRecord;
  session: UsbipSession | undefined;
}

/** Bytes of a USB/IP busid besides its zero. */
const MAX_BUSID = usbip.BUSID_LENGTH - 1;
const SPEEDS = { full: usbip.USB_SPEED.FULL, high: usbip.USB_SPEED.HIGH } as const;

export class UsbipServer {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #exported = new Map<string, Exported>();
  readonly #sockets = new Set<Socket>();
  readonly #onClientError: (error: UsbError) => void;
  #devnum = 1;

  private constructor(server: Server, host: string, port: number, onClientError: (error: UsbError) => void) {
    this.#server = server;
    this.host = host;
    this.port = port;
    this.#onClientError = onClientError;
  }

  /** @throws the system's error when the address cannot be listened on */
  static async listen(options: UsbipServerOptions = {}): Promise<UsbipServer> {
    const server = createServer({ noDelay: true });
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new UsbUsageError("the server does not listen on TCP");
    const own = new UsbipServer(server, address.address, address.port, options.onClientError ?? (() => {}));
    server.on("connection", (socket: Socket) => own.#accept(socket));
    return own;
  }

  /** For `--usb`: usbip://127.0.0.1:PORT/BUSID. */
  url(busid: string): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host;
    return `usbip://${host}:${this.port}/${busid}`;
  }

  /** @throws UsbUsageError when the busid is taken or does not fit the protocol */
  plug(busid: string, device: VirtualUsbDevice): void {
    if (this.#exported.has(busid)) throw new UsbUsageError(`something is plugged in as ${busid} already`);
    if (!/^[\x21-\x7e]+$/.test(busid) || busid.length > MAX_BUSID)
      throw new UsbUsageError(`"${busid}" is not 1 to ${MAX_BUSID} characters of ASCII`);
    this.#exported.set(busid, { device, record: recordOf(busid, this.#devnum, device), session: undefined });
    // Seven bits, as on a bus.
    this.#devnum = (this.#devnum % 127) + 1;
  }

  /** Closes the connection of the client that has the device. Nothing happens when there is no such device. */
  async unplug(busid: string): Promise<void> {
    const exported = this.#exported.get(busid);
    this.#exported.delete(busid);
    await exported?.session?.close();
  }

  /** True while a client has the device. */
  imported(busid: string): boolean {
    return this.#exported.get(busid)?.session !== undefined;
  }

  /** Unplugs everything and ends all connections. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    await Promise.all([...this.#exported.keys()].map((busid) => this.unplug(busid)));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A client that resets the connection is one that hangs up: "close" follows.
    socket.on("error", () => {});
    const reader = new StreamReader(this.#parse(socket));
    socket.on("data", (chunk) => {
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof UsbError)) throw error;
        this.#onClientError(error);
        socket.destroy();
      }
    });
  }

  *#parse(socket: Socket): StreamParser {
    const { code } = usbip.decodeOpHeader(yield usbip.OP_HEADER_LENGTH);
    if (code === usbip.OP_REQ_DEVLIST) {
      socket.end(this.#list());
      return;
    }
    if (code !== usbip.OP_REQ_IMPORT) throw usbip.violation(`unknown request 0x${code.toString(16)}`);
    const busid = usbip.decodeBusid(yield usbip.BUSID_LENGTH);
    const exported = this.#exported.get(busid);
    const status =
      exported === undefined ? usbip.ST_NODEV : exported.session === undefined ? usbip.ST_OK : usbip.ST_DEV_BUSY;
    const header = usbip.encodeOpHeader({ code: usbip.OP_REP_IMPORT, status });
    if (exported === undefined || status !== usbip.ST_OK) {
      socket.end(header);
      return;
    }
    const session = new UsbipSession(socket, exported.device);
    exported.session = session;
    socket.once("close", () => {
      exported.session = undefined;
    });
    socket.write(Buffer.concat([header, usbip.encodeDeviceRecord(exported.record)]));
    yield* session.parse();
  }

  #list(): Buffer {
    return usbip.encodeDeviceList(
      [...this.#exported.values()].map(({ record, device }) => [record, interfacesOf(device)] as const),
    );
  }
}

/** A record is made from whatever can be parsed: descriptors that are wrong on purpose are exported too. */
function recordOf(busid: string, devnum: number, device: VirtualUsbDevice): usbip.DeviceRecord {
  const descriptor = attempt(() => parseDeviceDescriptor(device.descriptors.device));
  return {
    path: `/sys/devices/virtual/devlift/${busid}`,
    busid,
    busnum: 1,
    devnum,
    speed: SPEEDS[device.speed],
    vendorId: descriptor?.vendorId ?? 0,
    productId: descriptor?.productId ?? 0,
    deviceVersion: descriptor?.deviceVersion ?? 0,
    deviceClass: descriptor?.deviceClass ?? 0,
    deviceSubClass: descriptor?.deviceSubClass ?? 0,
    deviceProtocol: descriptor?.deviceProtocol ?? 0,
    configurationValue: 0,
    configurationCount: device.descriptors.configurations.length,
    interfaceCount: interfacesOf(device).length,
  };
}

function interfacesOf(device: VirtualUsbDevice): readonly usbip.InterfaceRecord[] {
  const [first] = device.descriptors.configurations;
  const configuration = first && attempt(() => parseConfigurationDescriptor(first));
  return configuration?.interfaces.flatMap((it) => it.alternates.filter(({ setting }) => setting === 0)) ?? [];
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UsbError) return undefined;
    throw error;
  }
}
