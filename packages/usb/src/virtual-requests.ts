// How a virtual device answers the standard requests (USB 2.0, 9.4), from its descriptors.
// Lifetime: one plug; it holds the state that these requests change (configuration, alternate settings, halts).

import { DESCRIPTOR_TYPE } from "./descriptors.ts";
import { FEATURE_ENDPOINT_HALT, REQUEST } from "./requests.ts";
import { type SetupPacket, STALL, type VirtualUsbDevice } from "./virtual-device.ts";

const NOTHING = new Uint8Array(0);
/** English (United States): the language that every host asks for. */
const LANGUAGES = Uint8Array.of(4, DESCRIPTOR_TYPE.STRING, 0x09, 0x04);

export class StandardRequests {
  /** Addresses of the endpoints that answer STALL until the halt is cleared. */
  readonly halted = new Set<number>();
  readonly #device: VirtualUsbDevice;
  readonly #alternates = new Map<number, number>();
  #configuration = 0;

  constructor(device: VirtualUsbDevice) {
    this.#device = device;
  }

  /** @returns undefined for a class or vendor request */
  answer(setup: SetupPacket, data: Uint8Array): Uint8Array | typeof STALL | undefined {
    if ((setup.requestType & 0x60) !== 0) return undefined;
    const answer = this.#device.standard?.(setup, data);
    return answer ?? this.#answer(setup);
  }

  #answer({ requestType, request, value, index }: SetupPacket): Uint8Array | typeof STALL {
    switch (request) {
      case REQUEST.GET_STATUS:
        return Uint8Array.of((requestType & 0x1f) === 2 && this.halted.has(index) ? 1 : 0, 0);
      case REQUEST.CLEAR_FEATURE:
      case REQUEST.SET_FEATURE:
        return this.#feature(request, (requestType & 0x1f) === 2 && value === FEATURE_ENDPOINT_HALT, index);
      case REQUEST.SET_ADDRESS:
        return NOTHING;
      case REQUEST.GET_DESCRIPTOR:
        return this.#descriptor(value >> 8, value & 0xff);
      case REQUEST.GET_CONFIGURATION:
        return Uint8Array.of(this.#configuration);
      case REQUEST.SET_CONFIGURATION:
        return this.#configure(value & 0xff);
      case REQUEST.GET_INTERFACE:
        return Uint8Array.of(this.#alternates.get(index) ?? 0);
      case REQUEST.SET_INTERFACE:
        this.#alternates.set(index, value & 0xff);
        this.halted.clear();
        return NOTHING;
      default:
        return STALL;
    }
  }

  #feature(request: number, halt: boolean, endpoint: number): Uint8Array {
    if (halt && request === REQUEST.SET_FEATURE) this.halted.add(endpoint & 0x8f);
    else if (halt) this.halted.delete(endpoint & 0x8f);
    return NOTHING;
  }

  #configure(value: number): Uint8Array | typeof STALL {
    // bConfigurationValue is byte 5; descriptors go out as they are, so they may be garbage.
    if (value !== 0 && !this.#device.descriptors.configurations.some((bytes) => bytes[5] === value)) return STALL;
    this.#configuration = value;
    this.#alternates.clear();
    this.halted.clear();
    return NOTHING;
  }

  #descriptor(type: number, index: number): Uint8Array | typeof STALL {
    const { device, configurations, strings = [] } = this.#device.descriptors;
    if (type === DESCRIPTOR_TYPE.DEVICE) return device;
    if (type === DESCRIPTOR_TYPE.CONFIGURATION) return configurations[index] ?? STALL;
    if (type === DESCRIPTOR_TYPE.STRING) return index === 0 ? LANGUAGES : stringDescriptor(strings[index - 1]);
    return STALL;
  }
}

export function parseSetup(bytes: Uint8Array): SetupPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    requestType: view.getUint8(0),
    request: view.getUint8(1),
    value: view.getUint16(2, true),
    index: view.getUint16(4, true),
    length: view.getUint16(6, true),
  };
}

function stringDescriptor(text: string | undefined): Uint8Array | typeof STALL {
  if (text === undefined) return STALL;
  // bLength has 8 bits: at most 126 UTF-16 units.
  const units = Buffer.from(text, "utf16le").subarray(0, 252);
  return Uint8Array.of(units.length + 2, DESCRIPTOR_TYPE.STRING, ...units);
}
