// The smallest useful virtual device: what is written to bulk endpoint 1 or 2 can be read there; what is given to
// interrupt() comes at interrupt endpoint 3. Vendor requests script the rest. For tests of everything below a driver.
// Lifetime: one plug and more; its queues survive a replug, as a device with its own battery would.

import { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";

export interface LoopbackOptions {
  readonly vendorId?: number;
  readonly productId?: number;
  /** The answer to a vendor request that is none of VENDOR; default STALL. */
  readonly vendor?: (setup: SetupPacket, data: Uint8Array) => Uint8Array | typeof STALL;
}

/** bRequest of the loopback's own vendor requests (bmRequestType 0x40 and 0xc0). */
export const VENDOR = {
  /** OUT keeps the data, IN gives it back. */
  ECHO: 0x10,
  /** IN, never answered. */
  SILENCE: 0x11,
  /** OUT: the next transfer of endpoint wIndex (with its direction bit) answers STALL. */
  STALL_NEXT: 0x12,
  /** OUT: the data comes at the interrupt endpoint. */
  INTERRUPT: 0x13,
} as const;

export const LOOPBACK = { OUT1: 0x01, IN1: 0x81, OUT2: 0x02, IN2: 0x82, INTERRUPT: 0x83, PACKET: 64 } as const;

interface Reader {
  readonly length: number;
  readonly resolve: (bytes: Uint8Array | typeof STALL) => void;
}

export class LoopbackDevice implements VirtualUsbDevice {
  readonly speed = "full";
  readonly descriptors: VirtualUsbDevice["descriptors"];
  /** How often it was let go by a host. */
  unplugs = 0;
  readonly #vendor: (setup: SetupPacket, data: Uint8Array) => Uint8Array | typeof STALL;
  readonly #bytes = new Map<number, number[]>();
  readonly #readers = new Map<number, Reader>();
  readonly #stallNext = new Set<number>();
  #echo: Uint8Array = new Uint8Array(0);

  constructor(options: LoopbackOptions = {}) {
    const { vendorId = 0x1209, productId = 0x0001, vendor = () => STALL } = options;
    this.#vendor = vendor;
    this.descriptors = {
      device: deviceDescriptor(vendorId, productId),
      configurations: [configurationDescriptor()],
      strings: ["Devlift", "Loopback"],
    };
  }

  /** Makes bytes come at an IN endpoint, 1 to 3, in transfers of what the host asks for. */
  send(endpoint: number, bytes: Uint8Array): void {
    this.#queue(endpoint).push(...bytes);
    this.#serve(endpoint);
  }

  control(setup: SetupPacket, data: Uint8Array): Uint8Array | typeof STALL | Promise<Uint8Array> {
    switch (setup.request) {
      case VENDOR.ECHO:
        if ((setup.requestType & 0x80) === 0) this.#echo = Uint8Array.from(data);
        return this.#echo;
      case VENDOR.SILENCE:
        return new Promise(() => {});
      case VENDOR.STALL_NEXT:
        this.#stallNext.add(setup.index);
        this.#serve(setup.index & 0x0f);
        return new Uint8Array(0);
      case VENDOR.INTERRUPT:
        this.send(LOOPBACK.INTERRUPT & 0x0f, data);
        return new Uint8Array(0);
      default:
        return this.#vendor(setup, data);
    }
  }

  out(endpoint: number, data: Uint8Array): undefined | typeof STALL {
    if (this.#stallNext.delete(endpoint)) return STALL;
    this.send(endpoint, data);
    return undefined;
  }

  in(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array | typeof STALL> {
    return new Promise((resolve, reject) => {
      this.#readers.set(endpoint, { length, resolve });
      signal.addEventListener("abort", () => {
        this.#readers.delete(endpoint);
        reject(signal.reason);
      });
      this.#serve(endpoint);
    });
  }

  unplugged(): void {
    this.unplugs++;
  }

  #queue(endpoint: number): number[] {
    const queue = this.#bytes.get(endpoint) ?? [];
    this.#bytes.set(endpoint, queue);
    return queue;
  }

  #serve(endpoint: number): void {
    const reader = this.#readers.get(endpoint);
    if (reader === undefined) return;
    const stall = this.#stallNext.delete(endpoint | 0x80);
    const queue = this.#queue(endpoint);
    if (!stall && queue.length === 0) return;
    this.#readers.delete(endpoint);
    reader.resolve(stall ? STALL : Uint8Array.from(queue.splice(0, reader.length)));
  }
}

function deviceDescriptor(vendorId: number, productId: number): Uint8Array {
  return Uint8Array.of(
    // bLength, bDescriptorType, bcdUSB 1.10, class per interface, bMaxPacketSize0
    ...[18, 1, 0x10, 0x01, 0, 0, 0, 64],
    // idVendor, idProduct, bcdDevice 1.00
    ...[vendorId & 0xff, vendorId >> 8, productId & 0xff, productId >> 8, 0x00, 0x01],
    // iManufacturer, iProduct, iSerialNumber, bNumConfigurations
    ...[1, 2, 0, 1],
  );
}

function configurationDescriptor(): Uint8Array {
  const bulk = (address: number) => [7, 5, address, 2, LOOPBACK.PACKET, 0, 0];
  const interrupt = [7, 5, LOOPBACK.INTERRUPT, 3, LOOPBACK.PACKET, 0, 10];
  const endpoints = [LOOPBACK.IN1, LOOPBACK.OUT1, LOOPBACK.IN2, LOOPBACK.OUT2].flatMap(bulk);
  const body = [...[9, 4, 0, 0, 5, 0xff, 0, 0, 0], ...endpoints, ...interrupt];
  // wTotalLength, 1 interface, bConfigurationValue 1, bus-powered, 100 mA
  return Uint8Array.of(...[9, 2, 9 + body.length, 0, 1, 1, 0, 0x80, 50], ...body);
}
