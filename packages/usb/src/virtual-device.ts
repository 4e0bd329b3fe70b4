// What a virtual USB device implements to be exported over USB/IP. The server answers the standard requests
// (GET_DESCRIPTOR, SET_CONFIGURATION, GET_CONFIGURATION, SET_INTERFACE, GET_STATUS ...) from `descriptors`
// unless `standard` takes one; class and vendor requests and the data endpoints come here.
// Lifetime: one object is one plugged-in device; `unplugged` fires when the server drops it.

/** A setup packet as it is on the wire (USB 2.0, 9.3). */
export interface SetupPacket {
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
  readonly length: number;
}

/**
 * The endpoint or the control pipe answers STALL. A bulk or interrupt endpoint is halted by it: it answers STALL, without
 * asking the device, until the host clears the halt.
 */
export const STALL = Symbol("STALL");

export interface VirtualUsbDevice {
  readonly speed: "full" | "high";
  readonly descriptors: {
    /** 18 bytes, unless a test wants it otherwise: it goes out as it is. */
    readonly device: Uint8Array;
    /** Each with its interfaces and endpoints, as GET_DESCRIPTOR(CONFIGURATION) answers. */
    readonly configurations: readonly Uint8Array[];
    /** Strings by index from 1; index 0 (languages) is the server's. */
    readonly strings?: readonly string[];
  };
  /** A standard request, before the server answers it itself. undefined: the server shall answer. */
  standard?(setup: SetupPacket, data: Uint8Array): Uint8Array | typeof STALL | undefined;
  /** A class or vendor request. For IN the bytes to answer with (cut to setup.length), for OUT an empty array. */
  control(setup: SetupPacket, data: Uint8Array): Uint8Array | typeof STALL | Promise<Uint8Array | typeof STALL>;
  /** A bulk or interrupt OUT transfer on endpoint 1..15. The URB completes when the promise does. */
  out(endpoint: number, data: Uint8Array): void | typeof STALL | Promise<void> | Promise<typeof STALL | undefined>;
  /**
   * The host has an IN transfer of `length` bytes waiting on endpoint 1..15; answer when there is data.
   * Called for one transfer at a time an endpoint, in order. `signal` aborts when the host unlinks it or at unplug:
   * reject then. Bytes that a call resolves with all the same are kept for the next transfer of the endpoint.
   */
  in(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array | typeof STALL>;
  /** The host is gone (detached), or the device was unplugged by the server. */
  unplugged?(): void;
}
