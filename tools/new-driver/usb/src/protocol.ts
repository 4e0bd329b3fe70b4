// The device as it is on USB: which it is, and where its bytes go in and out.

import type { EndpointDescriptor, UsbDevice } from "@devlift/usb";

// pid.codes lends this pair to whoever tries something out (https://pid.codes/1209/0001/); lsusb(8) tells yours.
export const VENDOR = 0x1209;
export const PRODUCT = 0x0001;

export function isOurs({ descriptor }: UsbDevice): boolean {
  return descriptor.vendorId === VENDOR && descriptor.productId === PRODUCT;
}

/** A pair of bulk endpoints, and the interface that has them. */
export interface BulkPort {
  readonly interfaceNumber: number;
  readonly in: EndpointDescriptor;
  readonly out: EndpointDescriptor;
}

/** The first pair of bulk endpoints. @returns undefined: it has none, or is not configured */
export function bulkPortOf({ configuration }: UsbDevice): BulkPort | undefined {
  for (const { number, alternates } of configuration?.interfaces ?? []) {
    const endpoints = alternates.find(({ setting }) => setting === 0)?.endpoints ?? [];
    const bulk = endpoints.filter(({ type }) => type === "bulk");
    const input = bulk.find(({ direction }) => direction === "in");
    const output = bulk.find(({ direction }) => direction === "out");
    if (input !== undefined && output !== undefined) return { interfaceNumber: number, in: input, out: output };
  }
  return undefined;
}
