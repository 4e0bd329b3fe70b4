// An open libusb device as a UrbPort.
// Lifetime: from open() to release(). The device handle is closed when its last transfer has come back, never before:
// the binding refuses that, and libusb would use freed memory.

import type { Device, Transfer } from "usb";
import { UsbError } from "../errors.ts";
import {
  failed,
  goneError,
  type SubmittedUrb,
  succeeded,
  type Urb,
  type UrbDone,
  type UrbPort,
  type UrbResult,
} from "../urb.ts";
import { type Binding, usbError } from "./binding.ts";
import { interfaceDriver } from "./sysfs.ts";

/** enum libusb_transfer_type. */
const TRANSFER_TYPE = { control: 0, bulk: 2, interrupt: 3 } as const;
const SETUP_LENGTH = 8;

/** What the port has to know of the device besides libusb's object. */
export interface LibusbIdentity {
  /** As in /sys/bus/usb/devices. */
  readonly name: string;
  /** For error messages: /dev/bus/usb/001/004. */
  readonly node: string;
  readonly configurationValue: number;
}

/** The port's ties to the UsbDevice. */
export interface LibusbPlug {
  readonly gone: AbortSignal;
  /** Aborts `gone`: a transfer can find out before the hot-plug event comes. */
  readonly unplugged: () => void;
  /** The device can be opened again. */
  readonly released: () => void;
}

export class LibusbPort implements UrbPort {
  readonly gone: AbortSignal;
  readonly #binding: Binding;
  readonly #device: Device;
  readonly #identity: LibusbIdentity;
  readonly #plug: LibusbPlug;
  readonly #claimed: number[] = [];

  /** @param device opened */
  constructor(binding: Binding, device: Device, identity: LibusbIdentity, plug: LibusbPlug) {
    this.#binding = binding;
    this.#device = device;
    this.#identity = identity;
    this.gone = plug.gone;
    this.#plug = plug;
  }

  submit(urb: Urb, done: UrbDone): SubmittedUrb {
    const buffer = bufferOf(urb);
    const completion: Completion = {
      finish: (error, actual) => done(this.#result(urb, buffer, actual, error)),
    };
    let transfer: Transfer;
    try {
      if (this.gone.aborted) throw goneError(this.gone);
      const { Transfer } = this.#binding;
      const type = TRANSFER_TYPE[urb.type];
      transfer = new Transfer(this.#device, urb.endpoint, type, 0, callbackOf(completion));
      transfer.submit(buffer);
    } catch (error) {
      completion.finish = undefined;
      queueMicrotask(() => done(failed(this.#error(error))));
      return { cancel: () => {} };
    }
    return { cancel: () => this.#cancel(transfer) };
  }

  async claim(interfaceNumber: number): Promise<string | undefined> {
    const { name, configurationValue, node } = this.#identity;
    const driver = interfaceDriver(name, configurationValue, interfaceNumber);
    try {
      this.#device.__setAutoDetachKernelDriver(1);
      this.#device.__claimInterface(interfaceNumber);
    } catch (cause) {
      const error = this.#error(cause);
      if (error.code !== "busy") throw error;
      const sentence = `another program has interface ${interfaceNumber} of ${name}; \`fuser -v ${node}\` shows which`;
      throw new UsbError("busy", sentence, { cause });
    }
    this.#claimed.push(interfaceNumber);
    return driver === "usbfs" ? undefined : driver;
  }

  async setAlternate(interfaceNumber: number, setting: number): Promise<void> {
    await this.#call((callback) => this.#device.__setInterface(interfaceNumber, setting, callback));
  }

  async clearHalt(endpoint: number): Promise<void> {
    await this.#call((callback) => this.#device.__clearHalt(endpoint, callback));
  }

  async release(): Promise<void> {
    try {
      for (const interfaceNumber of this.#claimed.splice(0)) await this.#giveBack(interfaceNumber);
      this.#device.close();
    } finally {
      this.#plug.released();
    }
  }

  async #giveBack(interfaceNumber: number): Promise<void> {
    try {
      // The kernel then probes its drivers again.
      await this.#call((callback) => this.#device.__releaseInterface(interfaceNumber, callback));
    } catch (error) {
      // Unplugged meanwhile: there is nothing left to give back.
      if (!(error instanceof UsbError)) throw error;
    }
  }

  #result(urb: Urb, buffer: Buffer, actual: number, cause: Error | undefined): UrbResult {
    const start = urb.endpoint === 0 ? SETUP_LENGTH : 0;
    const bytes = urb.direction === "in" ? buffer.subarray(start, start + actual) : buffer.subarray(0, 0);
    return cause === undefined ? succeeded(bytes, actual) : failed(this.#error(cause), bytes, actual);
  }

  #cancel(transfer: Transfer): void {
    try {
      transfer.cancel();
    } catch (error) {
      // The device vanished: the transfer comes back with that by itself.
      this.#error(error);
    }
  }

  #call(start: (callback: (error?: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      try {
        start((error) => (error === undefined ? resolve() : reject(this.#error(error))));
      } catch (error) {
        reject(this.#error(error));
      }
    });
  }

  #error(cause: unknown): UsbError {
    const error = cause instanceof UsbError ? cause : usbError(cause, this.#identity.name);
    if (error.code !== "gone") return error;
    this.#plug.unplugged();
    return goneError(this.gone);
  }
}

/** What one transfer's end does. Emptied by it. */
interface Completion {
  finish: ((error: Error | undefined, actual: number) => void) | undefined;
}

/**
 * The binding holds a transfer's callback as long as the transfer's object lives, and nothing collects the two when the
 * callback leads to that object (usb 2.18, src/transfer.cc: `v8callback`). A closure made where the transfer is made
 * does; this one leads to the completion alone, which is empty when the transfer has ended.
 */
function callbackOf(completion: Completion): (error: Error | undefined, buffer: Buffer, actual: number) => void {
  return (error, _buffer, actual) => {
    const { finish } = completion;
    completion.finish = undefined;
    finish?.(error, actual);
  };
}

function bufferOf(urb: Urb): Buffer {
  if (urb.setup === undefined) return urb.direction === "in" ? Buffer.alloc(urb.length) : Buffer.from(urb.data);
  const buffer = Buffer.alloc(SETUP_LENGTH + urb.length);
  buffer.set(urb.setup);
  buffer.set(urb.data, SETUP_LENGTH);
  return buffer;
}
