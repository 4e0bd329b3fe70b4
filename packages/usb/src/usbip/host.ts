// A UsbHost over USB/IP: one device of one server, imported as long as the watch runs and the server has it.
// Lifetimes: a UsbipHost is a value; a watch is one loop of import, wait for the end, back off, again.
//
// The device not being exported is not a fault but "not plugged in": it is said once, and asked for again and again.

import { UsbError, UsbUsageError } from "../errors.ts";
import { firstLook } from "../first-look.ts";
import { QueueDevice } from "../queue-device.ts";
import type { UsbHost, UsbHostListener, UsbWatch } from "../transport.ts";
import { formatUsbAddress, hostAndPort, type UsbipAddress } from "./address.ts";
import type { UsbipConnection } from "./connection.ts";
import { importDevice, listExportedDevices, NotExportedError } from "./import.ts";

export interface UsbipHostOptions {
  /**
   * Milliseconds between tries: the first, doubled at each failure up to the last.
   * Default 100 to 1000: a handheld waits some ten seconds for its host, and a try is one small connection.
   */
  readonly retryMs?: readonly [number, number];
  /** Milliseconds that watch() waits for the first try; default 1500. */
  readonly firstTryMs?: number;
}

export class UsbipHost implements UsbHost {
  readonly name: string;
  readonly #address: UsbipAddress;
  readonly #retryMs: readonly [number, number];
  readonly #firstTryMs: number | undefined;

  constructor(address: UsbipAddress, options: UsbipHostOptions = {}) {
    const retryMs = options.retryMs ?? [100, 1000];
    if (!(retryMs[0] > 0 && retryMs[1] >= retryMs[0])) throw new UsbUsageError(`retryMs ${retryMs} is not rising`);
    this.name = formatUsbAddress(address);
    this.#address = address;
    this.#retryMs = retryMs;
    this.#firstTryMs = options.firstTryMs;
  }

  /**
   * Resolves after the first try, whatever came of it, and at the latest after `firstTryMs`. Closing the watch gives the device back to the server, so an
   * open transport is gone then.
   */
  async watch(listener: UsbHostListener): Promise<UsbWatch> {
    const stop = new AbortController();
    let tried: () => void = () => {};
    const first = new Promise<void>((resolve) => {
      tried = resolve;
    });
    const loop = this.#loop(listener, stop.signal, tried);
    // The loop itself ends first only by a throwing listener, and then with what it threw.
    await firstLook(Promise.race([first, loop]), this.#firstTryMs);
    return {
      close: async () => {
        stop.abort();
        await loop;
      },
    };
  }

  async #loop(listener: UsbHostListener, signal: AbortSignal, tried: () => void): Promise<void> {
    const [shortest, longest] = this.#retryMs;
    let delay = shortest;
    let said = "";
    while (!signal.aborted) {
      try {
        const connection = await importDevice(this.#address, signal);
        const device = await this.#identify(connection, signal);
        said = "";
        // A server that takes us and drops us at once must not be asked in a tight loop.
        const attachedAt = performance.now();
        listener.attached(device);
        tried();
        const failure = await endOf(connection, signal);
        if (signal.aborted) break;
        listener.detached(device);
        if (performance.now() - attachedAt > longest) delay = shortest;
        if (failure !== undefined) throw failure;
      } catch (error) {
        if (!(error instanceof UsbError)) throw error;
        if (signal.aborted) break;
        if (error.message !== said) listener.trouble(await this.#explain(error, signal));
        said = error.message;
      }
      tried();
      await pause(delay, signal);
      delay = Math.min(delay * 2, longest);
    }
    tried();
  }

  async #identify(connection: UsbipConnection, signal: AbortSignal): Promise<QueueDevice> {
    const onAbort = () => void connection.close();
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    try {
      const { host, busid } = this.#address;
      return await QueueDevice.create(`${busid}@${host}`, connection);
    } catch (error) {
      await connection.close();
      // When the connection broke under the enumeration, say why.
      throw (await connection.closed) ?? error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** For a person: what is there instead of the device. */
  async #explain(error: UsbError, signal: AbortSignal): Promise<UsbError> {
    const server = hostAndPort(this.#address);
    if (!(error instanceof NotExportedError))
      return new UsbError(error.code, `${this.name}: ${error.message}`, { cause: error });
    const exported = await listExportedDevices(this.#address, signal).then(
      (records) => records.map((it) => `${it.busid} (${hex(it.vendorId)}:${hex(it.productId)})`).join(", "),
      () => "",
    );
    const there = exported === "" ? "it exports nothing" : `it exports ${exported}`;
    const sentence = `${error.message}, by ${server}; ${there}. Waiting for it to be plugged in and exported there`;
    return new UsbError(error.code, sentence, { cause: error });
  }
}

async function endOf(connection: UsbipConnection, signal: AbortSignal): Promise<UsbError | undefined> {
  const onAbort = () => void connection.close();
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  const failure = await connection.closed;
  signal.removeEventListener("abort", onAbort);
  return failure;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

function hex(id: number): string {
  return id.toString(16).padStart(4, "0");
}
