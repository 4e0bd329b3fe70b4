// The seam inside this package: what libusb, a USB/IP connection and a virtual device have in common, transfers (URBs)
// that are queued, answered and cancelled. Everything above it (timeouts, stalls, reading ahead) is written once.
// Lifetimes: a UrbQueue lives as long as the device is plugged in; a UrbPort is one open of it; an Urb until `done`.

import { UsbError } from "./errors.ts";
import type { ControlSetup, LeftTransfers } from "./transport.ts";

/** One transfer. Shapes follow the kernel's struct urb, reduced to what control, bulk and interrupt pipes need. */
export interface Urb {
  /** bEndpointAddress; 0 is the control pipe in both directions. */
  readonly endpoint: number;
  readonly type: "control" | "bulk" | "interrupt";
  readonly direction: "in" | "out";
  /** For the control pipe: the eight bytes of the setup packet. */
  readonly setup?: Uint8Array;
  /** What an OUT transfer sends; empty for IN. Taken (copied or sent) when submit() returns. */
  readonly data: Uint8Array;
  /** The bytes that an IN transfer asks for, or data.length. */
  readonly length: number;
  /** bInterval of an interrupt endpoint. */
  readonly interval: number;
}

export interface UrbResult {
  readonly error: UsbError | undefined;
  /** What an IN transfer brought, also when it ended with an error; valid during the call of `done` only. */
  readonly bytes: Uint8Array;
  /** Bytes that went over the wire, either direction. */
  readonly actual: number;
}

export type UrbDone = (result: UrbResult) => void;

export interface SubmittedUrb {
  /** Asks for cancellation. `done` still comes once: "cancelled", or what had happened before, maybe within this call. Idempotent. */
  cancel(): void;
}

export interface UrbQueue {
  /** Aborted at unplug, with the UsbError("gone") as its reason. */
  readonly gone: AbortSignal;
  /** Queues a transfer; those of one endpoint run in order. `done` is called exactly once, never before submit returns. */
  submit(urb: Urb, done: UrbDone): SubmittedUrb;
}

export interface UrbPort extends UrbQueue {
  /** See UsbTransport. Default: false */
  readonly outlives?: boolean;
  readonly goesOn?: LeftTransfers | undefined;
  leave?(): void;
  /** @returns what was detached from the interface, see UsbTransport.claim */
  claim(interfaceNumber: number): Promise<string | undefined>;
  /** SET_INTERFACE, the host's side of it included. */
  setAlternate(interfaceNumber: number, setting: number): Promise<void>;
  /** CLEAR_FEATURE(ENDPOINT_HALT), the host's side of it included. */
  clearHalt(endpoint: number): Promise<void>;
  /** Gives everything back. Called once, when no transfer is in flight; must not fail for an unplugged device. */
  release(): Promise<void>;
}

const NOTHING = new Uint8Array(0);

export function failed(error: UsbError, bytes: Uint8Array = NOTHING, actual: number = bytes.length): UrbResult {
  return { error, bytes, actual };
}

export function succeeded(bytes: Uint8Array, actual: number = bytes.length): UrbResult {
  return { error: undefined, bytes, actual };
}

export function cancelledError(): UsbError {
  return new UsbError("cancelled", "the transfer was cancelled");
}

/** Why `gone` was aborted; every call after unplug answers with it. */
export function goneError(gone: AbortSignal): UsbError {
  return gone.reason instanceof UsbError ? gone.reason : new UsbError("gone", "the device was unplugged");
}

/** @param content the bytes to send (OUT), or how many to ask for (IN); the direction is requestType's bit 7 */
export function controlUrb(setup: ControlSetup, content: Uint8Array | number): Urb {
  const length = typeof content === "number" ? content : content.length;
  const packet = new Uint8Array(8);
  const view = new DataView(packet.buffer);
  view.setUint8(0, setup.requestType);
  view.setUint8(1, setup.request);
  view.setUint16(2, setup.value, true);
  view.setUint16(4, setup.index, true);
  view.setUint16(6, length, true);
  return {
    endpoint: 0,
    type: "control",
    direction: typeof content === "number" ? "in" : "out",
    setup: packet,
    data: typeof content === "number" ? NOTHING : content,
    length,
    interval: 0,
  };
}
