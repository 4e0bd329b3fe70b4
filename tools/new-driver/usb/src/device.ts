// /dev/NAME: the bytes of a pair of bulk endpoints. The device file is there whether the hardware is or not; open(2) says
// ENODEV without it, and for another program EBUSY while one has it.
// Lifetimes: a Connection from open to release; unplug ends it earlier.

import {
  type Device,
  DeviceError,
  defineDevice,
  type OpenFile,
  POLL,
  type WouldBlock,
  wouldBlock,
} from "@devlift/core";
import type { DaemonParts, Started } from "@devlift/daemon";
import {
  deviceErrorOf,
  openUsbHost,
  PluggedIn,
  type UsbDevice,
  type UsbReading,
  type UsbTransport,
} from "@devlift/usb";
import { type BulkPort, bulkPortOf, isOurs } from "./protocol.ts";

/** Bytes that wait for a reader before the hardware is told to wait. */
const MOST_RECEIVED = 65_536;
/** Bytes of one transfer. */
const MOST_SENT = 16_384;

/** @param find the device to open now @throws DeviceError when there is none */
export function createDevice(find: () => UsbDevice): Device<Connection> {
  return defineDevice<Connection>({
    name: "NAME",
    open: ({ file }) => Connection.open(find(), file),
    release: ({ state }) => state.close(),
    read: ({ state, length }) => state.read(length),
    write: ({ state, data }) => state.write(data),
    poll: ({ state }) => (state.canRead ? POLL.IN : 0) | (state.canWrite ? POLL.OUT : 0),
  });
}

/** The opened hardware. */
export class Connection {
  readonly #transport: UsbTransport;
  readonly #port: BulkPort;
  readonly #file: OpenFile;
  readonly #reading: UsbReading;
  #received: Uint8Array = new Uint8Array(0);
  /** A transfer is on its way to the device. */
  #sending = false;
  /** Of the last transfer: the next write is told. */
  #failure: unknown;

  private constructor(transport: UsbTransport, port: BulkPort, file: OpenFile) {
    this.#transport = transport;
    this.#port = port;
    this.#file = file;
    transport.gone.addEventListener("abort", () => file.hangup("ENODEV"));
    this.#reading = transport.startReading(
      port.in.address,
      { transferSize: port.in.maxPacketSize, transfers: 4 },
      { data: (bytes) => this.#take(bytes), ended: () => file.hangup("EIO") },
    );
  }

  /** @throws DeviceError for hardware that is in use, or not as it should be */
  static async open(device: UsbDevice, file: OpenFile): Promise<Connection> {
    const port = bulkPortOf(device);
    if (port === undefined) throw new DeviceError("ENODEV", `${device.id} has no pair of bulk endpoints`);
    try {
      const transport = await device.open();
      try {
        await transport.claim(port.interfaceNumber);
        return new Connection(transport, port, file);
      } catch (error) {
        await transport.close();
        throw error;
      }
    } catch (error) {
      throw deviceErrorOf(error);
    }
  }

  get canRead(): boolean {
    return this.#received.length > 0;
  }

  get canWrite(): boolean {
    return !this.#sending;
  }

  read(length: number): Uint8Array | WouldBlock {
    if (!this.canRead) return wouldBlock;
    const given = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(given.length);
    if (this.#received.length < MOST_RECEIVED) this.#reading.resume();
    return given;
  }

  /** Takes bytes for one transfer, and does not wait for it. */
  write(data: Uint8Array): number | WouldBlock {
    if (this.#sending) return wouldBlock;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw deviceErrorOf(failure);
    const taken = data.subarray(0, MOST_SENT);
    this.#sending = true;
    void this.#send(taken);
    return taken.length;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    try {
      await this.#transport.write(this.#port.out.address, bytes);
    } catch (error) {
      this.#failure = error;
    }
    this.#sending = false;
    this.#file.writable();
  }

  #take(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (this.#received.length >= MOST_RECEIVED) this.#reading.pause();
    this.#file.readable();
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

export async function start({ log }: DaemonParts): Promise<Started> {
  const host = openUsbHost({ kind: "libusb" });
  const plugged = await PluggedIn.on(host, { what: "NAME", fits: isOurs, log });
  return {
    devices: [createDevice(() => plugged.first)],
    hardware: () => plugged.devices.map(({ id }) => id),
    close: () => plugged.close(),
  };
}
