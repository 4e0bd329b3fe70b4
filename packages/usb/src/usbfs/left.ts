// What an earlier process has left under way on a descriptor of usbfs: brought to where of each transfer is known what
// became of it, and given out again when it is asked for again.
// Lifetime: from the descriptor's adoption until all of it is asked for, or the port closes.

import { UsbError } from "../errors.ts";
import * as abi from "./abi.ts";
import type { Slot, Slots } from "./slots.ts";

/** ioctl(2). @returns its result, or -errno */
export type UsbfsCall = (request: number, argument: bigint | Uint8Array) => number;

/** By endpoint, in the order in which they were submitted. */
export type LeftSlots = Map<number, Slot[]>;

/**
 * @param taken how many bytes of an endpoint's stream have been taken, and the process knows of
 * @returns what is under way, or has ended and nobody knows
 */
export function leftSlots(slots: Slots, call: UsbfsCall, taken: ReadonlyMap<number, number>): LeftSlots {
  reapAll(slots, call);
  for (const slot of slots.used())
    if (slot.isUncertain || (slot.endpoint === 0 && !slot.isReaped)) call(abi.USBDEVFS_DISCARDURB, slot.urbAddress);
  // What was discarded comes back now. What does not, usbfs has never had.
  reapAll(slots, call);
  const left: LeftSlots = new Map();
  for (const slot of slots.used()) {
    if (isDone(slot, taken)) slot.free();
    else left.set(slot.endpoint, [...(left.get(slot.endpoint) ?? []), slot]);
  }
  return left;
}

function isDone(slot: Slot, taken: ReadonlyMap<number, number>): boolean {
  // Nobody waits for the answer to a control transfer any more.
  if (slot.endpoint === 0 || slot.isUncertain) return true;
  if (!slot.isReaped) return false;
  const { position, endpoint, actual, status } = slot;
  if (position !== undefined) return position < (taken.get(endpoint) ?? Infinity);
  if (status !== -abi.ERRNO.ENOENT && status !== -abi.ERRNO.ECONNRESET) return false;
  if (actual > 0) slot.endsShort();
  return actual === 0;
}

function reapAll(slots: Slots, call: UsbfsCall): void {
  for (;;) {
    const result = call(abi.USBDEVFS_REAPURBNDELAY, slots.reapedAt);
    if (result >= 0) continue;
    if (result === -abi.ERRNO.EAGAIN || result === -abi.ERRNO.ENODEV) return;
    throw new UsbError("io", `what an earlier process had under way cannot be had (errno ${-result})`);
  }
}
