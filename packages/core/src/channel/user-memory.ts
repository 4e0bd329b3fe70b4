// The memory of a simulated program: what ioctl arguments point into. Addresses start high, so that a driver that
// confuses an address with a number shows.

import { DeviceError } from "../errors.ts";

const FIRST_ADDRESS = 0x7f00_0000;
const PAGE = 4096;

/** The memory of a calling program, wherever that is. What is not mapped is DeviceError("EFAULT"). */
export interface ClientMemory {
  read(address: bigint, length: number): Uint8Array | Promise<Uint8Array>;
  write(address: bigint, bytes: Uint8Array): void | Promise<void>;
}

export class UserMemory implements ClientMemory {
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

  read(address: bigint, length: number): Uint8Array {
    return this.at(address, length).slice();
  }

  write(address: bigint, bytes: Uint8Array): void {
    this.at(address, bytes.length).set(bytes);
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
