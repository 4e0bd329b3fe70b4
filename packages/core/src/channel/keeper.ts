// Descriptors and memory that a device keeps for its next daemon. The memory is a region of the device (fusd) or a file in
// memory (cuse), at the address where the first of its daemons had it, which is recorded in front of it.
// Lifetime: as long as a daemon serves the device; what it keeps as long as the device.

import { mapAt } from "../native.ts";
import type { Keeper } from "../session/driver.ts";

/**
 * Where the first daemon looks for a place: above what V8 and below what the C library and the kernel choose by chance,
 * with address spaces of 39 bits (arm64) and more. Devices of one process are one after the other.
 */
const PLACES = { first: 0x48_0000_0000n, step: 0x100_0000n, count: 64 } as const;
/** In front of the memory: its address. */
export const KEEPER_HEAD: number = 64;

export interface KeptRegion {
  /** What is mapped. */
  readonly fd: number;
  /** For mmap(2) of it. */
  readonly offset: number;
  /** Of all of the region, in bytes. */
  readonly length: number;
}

/** Who keeps descriptors. */
export interface Slots {
  /** @param fd -1: nothing any more */
  keep(slot: number, fd: number): void;
  take(slot: number): number | undefined;
}

/** @throws NativeError where the address cannot be had */
export function keeperIn(region: KeptRegion, recorded: bigint, { keep, take }: Slots): Keeper {
  const [address, whole] = recorded === 0n ? mapSomewhere(region) : [recorded, mapAt(recorded, region)];
  new DataView(whole.buffer).setBigUint64(0, address, true);
  return {
    memory: whole.subarray(KEEPER_HEAD),
    address: address + BigInt(KEEPER_HEAD),
    keep,
    release: (slot) => keep(slot, -1),
    take,
  };
}

function mapSomewhere(region: KeptRegion): [bigint, Uint8Array<ArrayBuffer>] {
  for (let place = 0; ; place++) {
    const address = PLACES.first + PLACES.step * BigInt(place);
    try {
      return [address, mapAt(address, region)];
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!taken || place + 1 === PLACES.count) throw error;
    }
  }
}

/** The address that the first daemon has recorded in a region; 0: it has not come to that. */
export function recordedAddress(whole: Uint8Array): bigint {
  return new DataView(whole.buffer, whole.byteOffset).getBigUint64(0, true);
}
