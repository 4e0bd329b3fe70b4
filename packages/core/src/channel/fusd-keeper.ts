// Descriptors and memory that a device of /dev/fusd keeps for its next daemon (FUSD_KEEP). The memory is a region of the
// device, at the address where the first of its daemons had it, which is recorded in front of it.
// Lifetime: as long as a daemon serves the device; what it keeps as long as the device.

import { ERRNO, errnoCode } from "../errno.ts";
import { DeviceError } from "../errors.ts";
import { ioctl, mapAt } from "../native.ts";
import type { Keeper } from "../session/driver.ts";
import * as abi from "../wire/fusd-abi.ts";

/**
 * Where the first daemon looks for a place: above what V8 and below what the C library and the kernel choose by chance,
 * with address spaces of 39 bits (arm64) and more. Devices of one process are one after the other.
 */
const PLACES = { first: 0x48_0000_0000n, step: 0x100_0000n, count: 64 } as const;
/** In front of the memory: its address. */
export const KEEPER_HEAD: number = 64;

export interface KeptRegion {
  /** The control descriptor. */
  readonly fd: number;
  /** For mmap(2) of it. */
  readonly offset: number;
  /** Of all of the region, in bytes. */
  readonly length: number;
}

/** @param send writes a KEEP @throws NativeError where the address cannot be had */
export function fusdKeeper(region: KeptRegion, recorded: bigint, send: (slot: number, fd: number) => void): Keeper {
  const [address, whole] = recorded === 0n ? mapSomewhere(region) : [recorded, mapAt(recorded, region)];
  new DataView(whole.buffer).setBigUint64(0, address, true);
  return {
    memory: whole.subarray(KEEPER_HEAD),
    address: address + BigInt(KEEPER_HEAD),
    keep: send,
    release: (slot) => send(slot, -1),
    take(slot) {
      const fd = ioctl(region.fd, abi.FUSD_IOC_KEPT, slot);
      if (fd >= 0) return fd;
      if (fd === -ERRNO.ENOENT) return undefined;
      throw new DeviceError(errnoCode(-fd) ?? "EIO", "what an earlier daemon has left cannot be had");
    },
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
