// A handheld that says what the test tells it and remembers what it was told: one bulk pair, the vendor requests of a
// Palm OS 4 handheld. Real enough for visor.ko; no HotSync behind it.

import { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";

const VENDOR_GET_EXT_CONNECTION_INFO = 0x04;
const VENDOR_CLOSE_NOTIFICATION = 0x02;
const ENDPOINT = 2;

export class ScriptedHandheld implements VirtualUsbDevice {
  readonly speed = "full";
  readonly descriptors: VirtualUsbDevice["descriptors"];
  /** Everything that was written to it. */
  sent: Buffer = Buffer.alloc(0);
  /** How often the host said that it closes the port. */
  closes = 0;
  /** The port swallows nothing while this is set: OUT transfers wait. */
  #gate: Promise<void> | undefined;
  #toSend: Buffer = Buffer.alloc(0);
  #reader: { readonly length: number; resolve(bytes: Uint8Array): void } | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(vendorId = 0x0830, productId = 0x0060) {
    const bulk = (address: number) => [7, 5, address, 2, 64, 0, 0];
    const endpoints = [...bulk(0x80 | ENDPOINT), ...bulk(ENDPOINT)];
    const body = [9, 4, 0, 0, 2, 0xff, 0, 0, 0, ...endpoints];
    const ids = [vendorId & 0xff, vendorId >> 8, productId & 0xff, productId >> 8];
    this.descriptors = {
      device: Uint8Array.of(18, 1, 0x10, 0x01, 0, 0, 0, 64, ...ids, 0, 1, 1, 2, 0, 1),
      configurations: [Uint8Array.of(9, 2, 9 + body.length, 0, 1, 1, 0, 0xc0, 1, ...body)],
      strings: ["Palm, Inc.", "Palm Handheld"],
    };
  }

  /** Bytes for the host, in transfers of at most 64. */
  push(bytes: Uint8Array): void {
    this.#toSend = Buffer.concat([this.#toSend, bytes]);
    this.#serve();
  }

  /** Resolves when `length` bytes have been written since `from`; with those bytes. */
  async told(length: number, from = 0): Promise<Buffer> {
    while (this.sent.length < from + length) {
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
    return this.sent.subarray(from, from + length);
  }

  /** Lets OUT transfers wait until the returned function is called: what was written is not on the wire. */
  hold(): () => void {
    let open: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  control(setup: SetupPacket): Uint8Array | typeof STALL {
    if (setup.request === VENDOR_GET_EXT_CONNECTION_INFO)
      return Uint8Array.of(1, 0, 0, 0, ...Buffer.from("cnys"), ENDPOINT, 0, 0, 0, ...new Uint8Array(8));
    if (setup.request !== VENDOR_CLOSE_NOTIFICATION) return STALL;
    this.closes++;
    return new Uint8Array(setup.length);
  }

  async out(_endpoint: number, data: Uint8Array): Promise<void> {
    const bytes = Buffer.from(data);
    await this.#gate;
    this.sent = Buffer.concat([this.sent, bytes]);
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  in(_endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#reader = { length, resolve };
      signal.addEventListener("abort", () => {
        this.#reader = undefined;
        reject(signal.reason);
      });
      this.#serve();
    });
  }

  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined || this.#toSend.length === 0) return;
    this.#reader = undefined;
    const length = Math.min(reader.length, 64, this.#toSend.length);
    const bytes = this.#toSend.subarray(0, length);
    this.#toSend = this.#toSend.subarray(length);
    reader.resolve(bytes);
  }
}
