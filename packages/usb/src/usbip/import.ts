// The first phase of a USB/IP connection: connect, then list what a server exports, or import one device.
// Lifetimes: a list's connection ends with its reply; an import's goes on as a UsbipConnection.

import { connect, type Socket } from "node:net";
import { UsbError } from "../errors.ts";
import { hostAndPort, type UsbipAddress } from "./address.ts";
import { UsbipConnection } from "./connection.ts";
import {
  DEVICE_RECORD_LENGTH,
  type DeviceRecord,
  decodeDeviceRecord,
  decodeOpHeader,
  encodeImportRequest,
  encodeOpHeader,
  INTERFACE_RECORD_LENGTH,
  OP_HEADER_LENGTH,
  OP_REP_DEVLIST,
  OP_REP_IMPORT,
  OP_REQ_DEVLIST,
  ST_DEV_BUSY,
  ST_DEV_ERR,
  ST_NODEV,
  ST_OK,
  violation,
} from "./protocol.ts";
import { type StreamParser, StreamReader } from "./stream.ts";

/** For the connect and the reply together. */
const TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 10_000;
/** More than the ports of any machine's hubs. */
const MAX_DEVICES = 1024;

/** The server has no such device now: a state, not a fault. */
export class NotExportedError extends UsbError {}

/**
 * @throws NotExportedError, UsbError("busy") when another client has the device, ("io") when the server cannot be
 * reached or does not speak USB/IP, ("timeout"), ("cancelled") by the signal
 */
export async function importDevice(address: UsbipAddress, signal: AbortSignal): Promise<UsbipConnection> {
  return await new Exchange(address, signal).run(encodeImportRequest(address.busid), importReply);

  function* importReply(socket: Socket, resolve: (connection: UsbipConnection) => void): StreamParser {
    const { code, status } = decodeOpHeader(yield OP_HEADER_LENGTH);
    if (code !== OP_REP_IMPORT) throw violation(`reply 0x${code.toString(16)} to an import`);
    if (status !== ST_OK) throw importError(address.busid, status);
    const record = decodeDeviceRecord(yield DEVICE_RECORD_LENGTH);
    if (record.busid !== address.busid)
      throw violation(`the server sent device "${record.busid}" for "${address.busid}"`);
    const connection = new UsbipConnection(socket, record);
    resolve(connection);
    try {
      yield* connection.parse();
    } catch (error) {
      // Anything else was thrown by whoever got the data.
      if (!(error instanceof UsbError)) throw error;
      connection.fail(error);
    }
  }
}

/** What the server exports now. @throws UsbError like importDevice */
export async function listExportedDevices(
  address: Pick<UsbipAddress, "host" | "port">,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly DeviceRecord[]> {
  const request = encodeOpHeader({ code: OP_REQ_DEVLIST, status: 0 });
  return await new Exchange(address, signal).run(request, listReply);

  function* listReply(socket: Socket, resolve: (records: readonly DeviceRecord[]) => void): StreamParser {
    const { code, status } = decodeOpHeader(yield OP_HEADER_LENGTH);
    if (code !== OP_REP_DEVLIST || status !== ST_OK)
      throw violation(`reply 0x${code.toString(16)} with status ${status} to a list request`);
    const count = (yield 4).readUInt32BE(0);
    if (count > MAX_DEVICES) throw violation(`a list of ${count} devices`);
    const records: DeviceRecord[] = [];
    for (let index = 0; index < count; index++) {
      const record = decodeDeviceRecord(yield DEVICE_RECORD_LENGTH);
      if (record.interfaceCount > 0) yield record.interfaceCount * INTERFACE_RECORD_LENGTH;
      records.push(record);
    }
    resolve(records);
    socket.destroy();
  }
}

/** One request and its reply on a new connection. */
class Exchange {
  readonly #address: Pick<UsbipAddress, "host" | "port">;
  readonly #signal: AbortSignal;

  constructor(address: Pick<UsbipAddress, "host" | "port">, signal: AbortSignal) {
    this.#address = address;
    this.#signal = signal;
  }

  /** Resolves when `parse` calls resolve; the socket and the parser then go on by themselves. */
  run<T>(request: Buffer, parse: (socket: Socket, resolve: (value: T) => void) => StreamParser): Promise<T> {
    const { host, port } = this.#address;
    const peer = hostAndPort(this.#address);
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
      const settle = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", onAbort);
      };
      const fail = (error: UsbError) => {
        settle();
        socket.destroy();
        reject(error);
      };
      const onAbort = () => fail(new UsbError("cancelled", `the connection to ${peer} was given up`));
      const timer = setTimeout(
        () => fail(new UsbError("timeout", `the USB/IP server ${peer} did not answer within ${TIMEOUT_MS} ms`)),
        TIMEOUT_MS,
      );
      // After the promise is settled these still run, and change nothing: "close" is what ends a connection.
      socket.on("error", (cause) =>
        fail(new UsbError("io", `the USB/IP server ${peer} cannot be reached: ${cause.message}`, { cause })),
      );
      socket.on("close", () => fail(new UsbError("io", `the USB/IP server ${peer} closed the connection`)));
      const reader = new StreamReader(
        parse(socket, (value) => {
          settle();
          resolve(value);
        }),
      );
      socket.on("data", (chunk) => {
        try {
          reader.push(chunk);
        } catch (error) {
          if (!(error instanceof UsbError)) throw error;
          fail(error);
        }
      });
      if (this.#signal.aborted) return onAbort();
      this.#signal.addEventListener("abort", onAbort);
      socket.write(request);
    });
  }
}

function importError(busid: string, status: number): UsbError {
  if (status === ST_DEV_BUSY) return new UsbError("busy", `another USB/IP client has device ${busid}`);
  if (status === ST_DEV_ERR)
    return new UsbError("io", `the USB/IP server says that device ${busid} is in an error state; plug it in again`);
  // ST_NA is what older servers say for "no such device" and "in use" alike.
  const why = status === ST_NODEV ? "is not exported" : "is not exported, or another client has it";
  return new NotExportedError("gone", `device ${busid} ${why}`);
}
