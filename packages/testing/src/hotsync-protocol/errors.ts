// Failures of a HotSync connection. ProtocolError: the link; DlpError: a command that the handheld refused.

/**
 * What went wrong with the link: `malformed` bytes that no end of the protocol sends, `timeout` no answer in time,
 * `closed` the stream ended, `refused` the other end said no (CMP abort, PADP out of memory, a version).
 */
export type ProtocolErrorKind = "malformed" | "timeout" | "closed" | "refused";

export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly kind: ProtocolErrorKind;

  constructor(kind: ProtocolErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** A DLP command was answered with an error code (DLCommon.h, dlpRespErr...). The connection is still good. */
export class DlpError extends Error {
  override readonly name = "DlpError";
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
