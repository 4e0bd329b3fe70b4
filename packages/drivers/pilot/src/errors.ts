// The one typed failure of a handheld: what it is or says cannot be worked with.
// A plain value, made by protocol.ts and probe.ts, and turned into an answer for the client by refusal.ts.

/**
 * "not-ready": nobody has pressed HotSync yet, so trying again helps. "endpoints": the descriptors lack what the model
 * must have. "probe": the handheld did not answer, or with nonsense, where the kernel's driver gives up as well.
 */
export type HandheldErrorCode = "not-ready" | "endpoints" | "probe";

/** `message` is a sentence for the log. */
export class HandheldError extends Error {
  override readonly name = "HandheldError";
  readonly code: HandheldErrorCode;

  constructor(code: HandheldErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
