// The one descriptor of usbfs that a keeper has for the next process. Stateless.

import type { Keeper } from "@devlift/core";

/** Of the keeper's slots: one open device is enough for a driver. */
const KEPT_IN = 0;

/** From now on it outlives this process. @throws DeviceError where it cannot be kept */
export function keepOpen(keeper: Keeper, fd: number): void {
  keeper.keep(KEPT_IN, fd);
}

/** What an earlier process has left, as a descriptor of this one's; undefined: nothing. */
export function takeKept(keeper: Keeper): number | undefined {
  return keeper.take(KEPT_IN);
}

/** Nobody goes on with it. */
export function forgetKept(keeper: Keeper): void {
  keeper.release(KEPT_IN);
}
