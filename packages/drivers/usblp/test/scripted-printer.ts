// A printer that does what the test tells it and remembers what it was told. Real enough for usblp.ko.

import { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";

export interface PrinterParts {
  readonly vendorId?: number;
  readonly productId?: number;
  /** bInterfaceProtocol of each alternate setting; default: one, 2. */
  readonly protocols?: readonly number[];
  /** Default: one with its length in front. */
  readonly id?: Uint8Array;
}

const OUT = 1;
const IN = 2;
/** Selected, no error. */
export const READY = 0x18;
export const OUT_OF_PAPER = 0x38;
export const OFF_LINE = 0x08;

export function deviceId(text: string): Uint8Array {
  const length = text.length + 2;
  return Uint8Array.of(length >> 8, length & 0xff, ...Buffer.from(text));
}

export class ScriptedPrinter implements VirtualUsbDevice {
  readonly speed = "full";
  readonly descriptors: VirtualUsbDevice["descriptors"];
  id: Uint8Array;
  /** The answer to GET_PORT_STATUS; STALL: it refuses. */
  status: number | typeof STALL = READY;
  /** Everything that was printed. */
  printed: Buffer = Buffer.alloc(0);
  /** Requests of the class and of vendors, "a1 1 v0 i0". */
  readonly asked: string[] = [];
  /** Alternate settings that it was asked for. */
  readonly settings: number[] = [];
  /** OUT transfers end with STALL while this is set. */
  refuses = false;
  #gate: Promise<void> | undefined;
  /** Transfers that the gate lets pass. */
  #free = 0;
  readonly #toSend: Uint8Array[] = [];
  #reader: ((bytes: Uint8Array) => void) | undefined;
  readonly #watchers = new Set<() => void>();

  constructor({ vendorId = 0x0525, productId = 0xa4a8, protocols = [2], id }: PrinterParts = {}) {
    this.id = id ?? deviceId("MFG:Devlift;MDL:Scripted;CLS:PRINTER;");
    const bulk = (address: number) => [7, 5, address, 2, 64, 0, 0];
    const body = protocols.flatMap((protocol, setting) => {
      const endpoints = protocol === 1 ? bulk(OUT) : [...bulk(0x80 | IN), ...bulk(OUT)];
      return [9, 4, 0, setting, endpoints.length / 7, 7, 1, protocol, 0, ...endpoints];
    });
    const ids = [vendorId & 0xff, vendorId >> 8, productId & 0xff, productId >> 8];
    this.descriptors = {
      device: Uint8Array.of(18, 1, 0x10, 0x01, 0, 0, 0, 64, ...ids, 0, 1, 1, 2, 0, 1),
      configurations: [Uint8Array.of(9, 2, 9 + body.length, 0, 1, 1, 0, 0xc0, 1, ...body)],
      strings: ["Devlift", "Scripted printer"],
    };
  }

  /** One transfer's bytes for the host; none: a packet of length 0. */
  push(text: string): void {
    this.#toSend.push(Buffer.from(text));
    this.#serve();
  }

  /** Resolves when `length` bytes have been printed since `from`; with those bytes. */
  async told(length: number, from = 0): Promise<Buffer> {
    while (this.printed.length < from + length) await new Promise<void>((resolve) => this.#watchers.add(resolve));
    return this.printed.subarray(from, from + length);
  }

  /** It takes so many transfers, and then nothing until the returned function is called. */
  hold(transfers = 0): () => void {
    this.#free = transfers;
    let open: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  standard({ requestType, request, value }: SetupPacket): undefined {
    if (requestType === 1 && request === 11) this.settings.push(value);
  }

  control(setup: SetupPacket): Uint8Array | typeof STALL {
    const { requestType, request, value, index, length } = setup;
    this.asked.push(`${requestType.toString(16)} ${request} v${value} i${index}`);
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
    if (requestType === 0xa1 && request === 0) return this.id.subarray(0, length);
    if (requestType === 0xa1 && request === 1) return this.status === STALL ? STALL : Uint8Array.of(this.status);
    if (requestType === 0x23 && request === 2) return new Uint8Array(0);
    if (requestType === 0xc1 && request === 0) return Uint8Array.of(value);
    return STALL;
  }

  /** Resolves when it was asked so. */
  async wasAsked(line: string): Promise<void> {
    while (!this.asked.includes(line)) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  async out(_endpoint: number, data: Uint8Array): Promise<typeof STALL | undefined> {
    const bytes = Buffer.from(data);
    if (this.#free > 0) this.#free--;
    else await this.#gate;
    if (this.refuses) return STALL;
    this.printed = Buffer.concat([this.printed, bytes]);
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
    return undefined;
  }

  in(_endpoint: number, _length: number, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#reader = resolve;
      signal.addEventListener("abort", () => {
        this.#reader = undefined;
        reject(signal.reason);
      });
      this.#serve();
    });
  }

  #serve(): void {
    const [bytes] = this.#reader === undefined ? [] : this.#toSend.splice(0, 1);
    if (bytes === undefined) return;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(bytes);
  }
}
