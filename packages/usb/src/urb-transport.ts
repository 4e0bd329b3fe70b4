// The one implementation of UsbTransport, over any UrbPort: checks, timeouts, cancellation, closing.
// Lifetime: one open of a device, from UsbDevice.open() to close() or unplug. It owns its pipes and readings.

import type { ConfigurationDescriptor, EndpointDescriptor, InterfaceDescriptor } from "./descriptors.ts";
import { UsbError, UsbUsageError } from "./errors.ts";
import { Pipe } from "./pipe.ts";
import { Reading } from "./reading.ts";
import type {
  ControlSetup,
  LeftTransfers,
  ReadingOptions,
  ReadingSink,
  TransferOptions,
  UsbDevice,
  UsbReading,
  UsbTransport,
} from "./transport.ts";
import { controlUrb, goneError, type Urb, type UrbPort, type UrbResult } from "./urb.ts";

/** wLength has 16 bits. */
const MAX_CONTROL_LENGTH = 0xffff;
/** Far more than any serial port, printer or instrument asks for at once; the kernel's usbfs limits the total to 16 MiB. */
const MAX_TRANSFER_LENGTH = 1 << 20;
const MAX_TRANSFERS = 64;
const NOTHING = new Uint8Array(0);

export class UrbTransport implements UsbTransport {
  readonly device: UsbDevice;
  readonly gone: AbortSignal;
  readonly outlives: boolean;
  readonly goesOn: LeftTransfers | undefined;
  readonly #port: UrbPort;
  readonly #pipes = new Map<number, Pipe>();
  readonly #claimed = new Map<number, Claimed>();
  readonly #readings = new Set<UsbReading>();
  #closing: Promise<void> | undefined;

  constructor(device: UsbDevice, port: UrbPort) {
    this.device = device;
    this.gone = port.gone;
    this.outlives = port.outlives ?? false;
    this.goesOn = port.goesOn;
    this.#port = port;
  }

  async claim(interfaceNumber: number): Promise<string | undefined> {
    this.#check();
    const found = configurationOf(this.device).interfaces.find((candidate) => candidate.number === interfaceNumber);
    if (found === undefined) throw new UsbUsageError(`${this.device.id} has no interface ${interfaceNumber}`);
    if (this.#claimed.has(interfaceNumber)) return undefined;
    const detached = await this.#port.claim(interfaceNumber);
    this.#claimed.set(interfaceNumber, { found, setting: 0 });
    return detached;
  }

  async setAlternate(interfaceNumber: number, setting: number): Promise<void> {
    this.#check();
    const claimed = this.#claimed.get(interfaceNumber);
    if (!claimed?.found.alternates.some((alternate) => alternate.setting === setting))
      throw new UsbUsageError(`no claimed interface ${interfaceNumber} of ${this.device.id} has setting ${setting}`);
    await this.#port.setAlternate(interfaceNumber, setting);
    claimed.setting = setting;
  }

  async controlIn(setup: ControlSetup, length: number, options: TransferOptions = {}): Promise<Uint8Array> {
    checkSetup(setup, "in");
    checkLength(length, MAX_CONTROL_LENGTH);
    return await this.#transfer(controlUrb(setup, length), options, copyBytes);
  }

  async controlOut(setup: ControlSetup, data: Uint8Array, options: TransferOptions = {}): Promise<void> {
    checkSetup(setup, "out");
    checkLength(data.length, MAX_CONTROL_LENGTH);
    await this.#transfer(controlUrb(setup, data), options, () => {});
  }

  async write(endpoint: number, data: Uint8Array, options: TransferOptions = {}): Promise<number> {
    checkLength(data.length, MAX_TRANSFER_LENGTH);
    const { type, interval } = this.#endpoint(endpoint, "out");
    const urb: Urb = { endpoint, type, direction: "out", data, length: data.length, interval };
    return await this.#transfer(urb, options, (result) => result.actual);
  }

  async read(endpoint: number, length: number, options: TransferOptions = {}): Promise<Uint8Array> {
    return await this.#transfer(this.#inUrb(endpoint, length), options, copyBytes);
  }

  startReading(endpoint: number, options: ReadingOptions, sink: ReadingSink): UsbReading {
    this.#check();
    const { transfers, transferSize } = options;
    if (!Number.isInteger(transfers) || transfers < 1 || transfers > MAX_TRANSFERS)
      throw new UsbUsageError(`${transfers} transfers in flight are not possible; 1 to ${MAX_TRANSFERS} are`);
    const reading = new Reading(this.#pipe(endpoint), this.#inUrb(endpoint, transferSize), options, sink);
    this.#readings.add(reading);
    return reading;
  }

  leave(): void {
    this.#port.leave?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const stopped = [...this.#readings].map((reading) => reading.stop());
    for (const pipe of this.#pipes.values()) pipe.cancelAll();
    await Promise.all([...stopped, ...[...this.#pipes.values()].map((pipe) => pipe.idle())]);
    await this.#port.release();
  }

  /**
   * Runs one transfer. `take` is called while the result's bytes are valid.
   * Not async: the bytes of `urb.data` are taken before the caller gets control back.
   */
  #transfer<T>(urb: Urb, options: TransferOptions, take: (result: UrbResult) => T): Promise<T> {
    this.#check();
    const { signal, timeoutMs } = options;
    if (signal?.aborted) throw aborted(signal);
    return new Promise((resolve, reject) => {
      let reason: UsbError | undefined;
      const submitted = this.#pipe(urb.endpoint).submit(urb, (result) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        const { error } = result;
        if (error === undefined) resolve(take(result));
        else reject(error.code === "cancelled" ? (reason ?? error) : error);
      });
      const cancel = (why: UsbError) => {
        reason ??= why;
        submitted.cancel();
      };
      const onAbort = () => cancel(aborted(signal));
      signal?.addEventListener("abort", onAbort);
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => cancel(new UsbError("timeout", `no answer within ${timeoutMs} ms`)), timeoutMs);
    });
  }

  #pipe(endpoint: number): Pipe {
    let pipe = this.#pipes.get(endpoint);
    if (pipe === undefined) {
      pipe = new Pipe(this.#port, endpoint);
      this.#pipes.set(endpoint, pipe);
    }
    return pipe;
  }

  #inUrb(endpoint: number, length: number): Urb {
    checkLength(length, MAX_TRANSFER_LENGTH);
    const { type, interval } = this.#endpoint(endpoint, "in");
    return { endpoint, type, direction: "in", data: NOTHING, length, interval };
  }

  #endpoint(address: number, direction: "in" | "out"): { type: "bulk" | "interrupt"; interval: number } {
    const found = [...this.#claimed.values()].map((claimed) => endpointOf(claimed, address)).find(Boolean);
    const name = `endpoint 0x${address.toString(16).padStart(2, "0")}`;
    if (found === undefined) throw new UsbUsageError(`${name} belongs to no claimed interface of ${this.device.id}`);
    const { type, interval } = found;
    if (found.direction !== direction)
      throw new UsbUsageError(`${name} is an ${found.direction.toUpperCase()} endpoint`);
    if (type !== "bulk" && type !== "interrupt") throw new UsbUsageError(`${name} is ${type}, not bulk or interrupt`);
    return { type, interval };
  }

  #check(): void {
    if (this.gone.aborted) throw goneError(this.gone);
    if (this.#closing !== undefined) throw new UsbError("cancelled", `${this.device.id} is closed`);
  }
}

interface Claimed {
  readonly found: InterfaceDescriptor;
  /** The active one of its alternate settings. */
  setting: number;
}

function endpointOf({ found, setting }: Claimed, address: number): EndpointDescriptor | undefined {
  const active = found.alternates.find((alternate) => alternate.setting === setting);
  return active?.endpoints.find((endpoint) => endpoint.address === address);
}

function configurationOf(device: UsbDevice): ConfigurationDescriptor {
  if (device.configuration === undefined) throw new UsbError("descriptor", `${device.id} is not configured`);
  return device.configuration;
}

function copyBytes(result: UrbResult): Uint8Array {
  return Uint8Array.from(result.bytes);
}

function aborted(signal: AbortSignal | undefined): UsbError {
  return new UsbError("cancelled", "the transfer was cancelled", { cause: signal?.reason });
}

function checkSetup(setup: ControlSetup, direction: "in" | "out"): void {
  for (const [name, value, max] of [
    ["requestType", setup.requestType, 0xff],
    ["request", setup.request, 0xff],
    ["value", setup.value, 0xffff],
    ["index", setup.index, 0xffff],
  ] as const)
    if (!Number.isInteger(value) || value < 0 || value > max)
      throw new UsbUsageError(`a control transfer's ${name} of ${value} is not 0 to ${max}`);
  if ((setup.requestType & 0x80) !== (direction === "in" ? 0x80 : 0))
    throw new UsbUsageError(`requestType 0x${setup.requestType.toString(16)} is not for an ${direction} transfer`);
}

function checkLength(length: number, max: number): void {
  if (!Number.isInteger(length) || length < 0 || length > max)
    throw new UsbUsageError(`a transfer of ${length} bytes is not possible; 0 to ${max} are`);
}
