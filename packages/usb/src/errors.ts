// The one typed failure of everything USB.
// A plain value, made where a transfer, a claim or a descriptor fails.

/** Why a transfer or a claim failed. `gone` is unplug: a state, after which every call answers the same at once. */
export type UsbErrorCode =
  | "stall"
  | "timeout"
  | "gone"
  | "access"
  | "busy"
  | "overflow"
  | "cancelled"
  | "io"
  | "descriptor";

/** A failed USB operation; `message` is a sentence for the log that says what to do where that is known. */
export class UsbError extends Error {
  override readonly name = "UsbError";
  readonly code: UsbErrorCode;

  constructor(code: UsbErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A mistake of whoever calls this package: an address that is none, an endpoint that is not there. */
export class UsbUsageError extends Error {
  override readonly name = "UsbUsageError";
}
