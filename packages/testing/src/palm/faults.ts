// Handhelds that misbehave, from a script. Faults are plain data; a FaultyDevice wraps one device for as long as it
// is plugged in. What goes wrong here went wrong with real handhelds or in the kernel's driver: CVE-2015-7566 is a
// Clie without its second bulk-OUT, CVE-2016-2782 a Treo without its bulk-INs and interrupt-INs.

import { type SetupPacket, STALL, type VirtualUsbDevice } from "@devlift/usb/virtual";
import { configurationDescriptor, deviceDescriptor, type PalmModel, VENDOR_REQUEST } from "./models.ts";

export type Answer = "stall" | "silence" | Uint8Array;

/** After so many bytes on the endpoints of this direction, in all. */
export interface PipeFault {
  readonly afterBytes: number;
  readonly what: "stall" | "silence" | "unplug";
}

export interface Faults {
  /** By bRequest of a vendor request. */
  readonly answers?: Readonly<Record<number, Answer>>;
  readonly deviceDescriptor?: Uint8Array;
  readonly configuration?: Uint8Array;
  readonly in?: PipeFault;
  readonly out?: PipeFault;
}

export interface NamedFaults {
  readonly name: string;
  readonly faults: Faults;
}

const TYPE_MASK = 0x60;
const TYPE_VENDOR = 0x40;

export class FaultyDevice implements VirtualUsbDevice {
  readonly speed: "full" | "high";
  readonly descriptors: VirtualUsbDevice["descriptors"];
  readonly #inner: VirtualUsbDevice;
  readonly #faults: Faults;
  readonly #unplug: () => void;
  #bytesIn = 0;
  #bytesOut = 0;

  /** `unplug` pulls the plug where the device is plugged in: the server's connection, the fake bus. */
  constructor(inner: VirtualUsbDevice, faults: Faults, unplug: () => void) {
    this.#inner = inner;
    this.#faults = faults;
    this.#unplug = unplug;
    this.speed = inner.speed;
    const { configuration, deviceDescriptor: device = inner.descriptors.device } = faults;
    const configurations = configuration ? [configuration] : inner.descriptors.configurations;
    this.descriptors = { ...inner.descriptors, device, configurations };
  }

  standard(setup: SetupPacket, data: Uint8Array): Uint8Array | typeof STALL | undefined {
    return this.#inner.standard?.(setup, data);
  }

  control(setup: SetupPacket, data: Uint8Array): ReturnType<VirtualUsbDevice["control"]> {
    const fault = (setup.requestType & TYPE_MASK) === TYPE_VENDOR ? this.#faults.answers?.[setup.request] : undefined;
    if (fault === undefined) return this.#inner.control(setup, data);
    return answerWith(fault, setup.length);
  }

  out(endpoint: number, data: Uint8Array): ReturnType<VirtualUsbDevice["out"]> {
    const fault = this.#due(this.#faults.out, this.#bytesOut);
    this.#bytesOut += data.length;
    if (fault === "stall") return STALL;
    if (fault === "silence") return new Promise<void>(() => undefined);
    return this.#inner.out(endpoint, data);
  }

  async in(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array | typeof STALL> {
    const fault = this.#due(this.#faults.in, this.#bytesIn);
    if (fault === "stall") return STALL;
    if (fault === "silence") return cancelled(signal);
    const data = await this.#inner.in(endpoint, length, signal);
    if (data !== STALL) this.#bytesIn += data.length;
    return data;
  }

  unplugged(): void {
    this.#inner.unplugged?.();
  }

  #due(fault: PipeFault | undefined, bytes: number): PipeFault["what"] | undefined {
    if (!fault || bytes < fault.afterBytes) return undefined;
    if (fault.what === "unplug") this.#unplug();
    return fault.what === "unplug" ? "silence" : fault.what;
  }
}

/** What a control request gets; silence lasts until the host gives up. */
export function answerWith(answer: Answer, length: number): ReturnType<VirtualUsbDevice["control"]> {
  if (answer === "stall") return STALL;
  if (answer === "silence") return new Promise<Uint8Array>(() => undefined);
  return answer.slice(0, length);
}

/** Nothing, until the host takes its transfer back. */
export function cancelled(signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(new Uint8Array());
    else signal.addEventListener("abort", () => resolve(new Uint8Array()), { once: true });
  });
}

const REQUESTS = Object.entries(VENDOR_REQUEST);
/** 0, more than the answer has room for, and as many as a byte can say. */
const PORT_COUNTS = [0, 3, 255] as const;

/** Every fault that makes sense for this model, each with a name for the test's title. */
export function faultCatalogue(model: PalmModel): NamedFaults[] {
  const catalogue: NamedFaults[] = [];
  const add = (name: string, faults: Faults): void => void catalogue.push({ name, faults });
  const answer = (name: string, request: number, bytes: Answer): void => add(name, { answers: { [request]: bytes } });
  for (const [name, request] of REQUESTS) {
    answer(`${name}: stall`, request, "stall");
    answer(`${name}: silence`, request, "silence");
    const good = model.answers[request];
    if (!good) continue;
    answer(`${name}: empty answer`, request, new Uint8Array());
    if (good.length > 1) answer(`${name}: answer one byte short`, request, good.slice(0, -1));
    answer(`${name}: all ones`, request, new Uint8Array(good.length).fill(0xff));
  }
  for (const request of [VENDOR_REQUEST.CONNECTION_INFO, VENDOR_REQUEST.EXT_CONNECTION_INFO]) {
    const good = model.answers[request];
    if (!good || good.length === 0) continue;
    for (const count of PORT_COUNTS) {
      answer(`request ${request}: ${count} ports`, request, Uint8Array.of(count, ...good.subarray(1)));
    }
  }
  catalogue.push(...descriptorFaults(model));
  for (const what of ["stall", "silence", "unplug"] as const) {
    for (const afterBytes of [0, 100]) {
      add(`IN: ${what} after ${afterBytes} bytes`, { in: { afterBytes, what } });
      add(`OUT: ${what} after ${afterBytes} bytes`, { out: { afterBytes, what } });
    }
  }
  return catalogue;
}

/** Offsets in the configuration descriptor (USB 2.0, 9.6.3, 9.6.5, 9.6.6). */
const TOTAL_LENGTH = 2;
const INTERFACE_AT = 9;
const ENDPOINT_COUNT = INTERFACE_AT + 4;
const FIRST_ENDPOINT = INTERFACE_AT + 9;

function descriptorFaults(model: PalmModel): NamedFaults[] {
  const good = configurationDescriptor(model);
  const patched = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
  const without = (unwanted: (address: number, type: string) => boolean): Uint8Array =>
    configurationDescriptor({ ...model, endpoints: model.endpoints.filter((e) => !unwanted(e.address, e.type)) });
  const isIn = (address: number): boolean => (address & 0x80) !== 0;
  const lastOut = model.endpoints.findLast(({ address }) => !isIn(address))?.address;
  const shapes: [string, Uint8Array][] = [
    ["no endpoints", without(() => true)],
    ["no bulk-IN", without((address, type) => isIn(address) && type === "bulk")],
    ["no bulk-OUT", without((address) => !isIn(address))],
    ["the last bulk-OUT missing", without((address) => address === lastOut)],
    ["no interrupt-IN", without((_, type) => type === "interrupt")],
    ["cut in the middle of an endpoint", good.slice(0, FIRST_ENDPOINT + 3)],
    ["cut in the middle of the interface", good.slice(0, INTERFACE_AT + 4)],
    ["only the configuration", good.slice(0, INTERFACE_AT)],
    ["total length too long", patched(TOTAL_LENGTH, 0xff, 0xff)],
    ["total length zero", patched(TOTAL_LENGTH, 0, 0)],
    ["more endpoints said than there are", patched(ENDPOINT_COUNT, 30)],
    ["a descriptor of length zero", patched(FIRST_ENDPOINT, 0)],
    ["a descriptor longer than the rest", patched(FIRST_ENDPOINT, 0xff)],
    ["an endpoint of address zero", patched(FIRST_ENDPOINT + 2, 0)],
    ["a packet size of zero", patched(FIRST_ENDPOINT + 4, 0, 0)],
  ];
  return [
    ...shapes.map(([name, configuration]) => ({ name: `configuration: ${name}`, faults: { configuration } })),
    {
      name: "device: cut to 8 bytes",
      faults: { deviceDescriptor: deviceDescriptor(model).slice(0, 8) },
    },
  ];
}
