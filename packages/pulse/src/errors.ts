// The one typed failure of this package: what the server answered, or what became of the connection.
// A plain value; the codes up to "busy" are the server's own (PA_ERR_* of pulse/def.h, by number).

/** PA_ERR_* in the order of their numbers; index 0 is "no error". */
const SERVER_CODES = [
  "unknown",
  "access",
  "command",
  "invalid",
  "exist",
  "noentity",
  "refused",
  "protocol",
  "timeout",
  "authkey",
  "internal",
  "closed",
  "killed",
  "invalidserver",
  "modinitfailed",
  "badstate",
  "nodata",
  "version",
  "toolarge",
  "notsupported",
  "unknown",
  "noextension",
  "obsolete",
  "notimplemented",
  "forked",
  "io",
  "busy",
] as const;

/**
 * What went wrong. `refused`: no server could be reached. `timeout`: the server did not answer in time. `closed`: the
 * connection is no more. `protocol`: the server broke the protocol, and the connection was closed. `killed`: the server
 * ended the stream. `invalid`: an argument that cannot be. `aborted`: the caller's signal. The others as PulseAudio has them.
 */
export type PulseErrorCode = (typeof SERVER_CODES)[number] | "aborted";

/** A failed operation; `message` is a sentence for the log. */
export class PulseError extends Error {
  override readonly name = "PulseError";
  readonly code: PulseErrorCode;

  constructor(code: PulseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What the server's error `number` means for what we asked for. */
export function serverError(number: number, asked: string): PulseError {
  const code = SERVER_CODES[number] ?? "unknown";
  return new PulseError(code, `the sound server refused ${asked}: ${code} (${number})`);
}
