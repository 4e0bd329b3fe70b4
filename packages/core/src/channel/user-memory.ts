// The memory of a simulated program: what ioctl arguments point into. Addresses start high, so that a driver that
// confuses an address with a number shows.

import { DeviceError } from "../errors.ts";

const FIRST_ADDRESS = 0x7f00_0000;
const PAGE = 4096;

export class UserMemory {
  readonly #areas: { readonly base: number; readonly bytes: Uint8Array }[] = [];
  #next = FIRST_ADDRESS;

  /** Maps `bytes` (not a copy: what the kernel writes is seen there). @returns its address */
  map(bytes: Uint8Array): bigint {
    const base = this.#next;
    this.#areas.push({ base, bytes });
    // A hole behind each area: running over its end is EFAULT.
    this.#next += (Math.floor(bytes.length / PAGE) + 2) * PAGE;
    return BigInt(base);
  }

  /** A view of the area at an address. @throws DeviceError("EFAULT") when not all of it is mapped */
  at(address: bigint, length: number): Uint8Array {
    const start = Number(address);
    for (const { base, bytes } of this.#areas) {
      const offset = start - base;
      if (offset >= 0 && offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
    }
    throw new DeviceError("EFAULT", `nothing is mapped at 0x${address.toString(16)}`);
  }
}
