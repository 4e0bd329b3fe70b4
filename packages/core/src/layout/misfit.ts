// A driver's value that does not fit its C type. Thrown deep in the codecs; collects the path to itself on its way out.

import { DeviceError, UsageError } from "../errors.ts";

export class Misfit extends UsageError {
  #path = "";

  /** Puts a step ("[3]", ".c_cc") before the path of a Misfit. @returns the error, to be thrown again */
  static at(step: string, error: unknown): unknown {
    if (error instanceof Misfit) error.#path = step + error.#path;
    return error;
  }

  /**
   * Runs `act` on a driver's value. What does not fit comes out as a UsageError that begins with the path: "c_cc[3]: 300
   * is no u8"; so does a length over its limit, which from a client would have been EINVAL.
   */
  static named<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (error instanceof DeviceError) throw new UsageError(error.message, { cause: error });
      if (!(error instanceof Misfit) || error.#path === "") throw error;
      throw new UsageError(`${error.#path.replace(/^\./, "")}: ${error.message}`, { cause: error });
    }
  }
}

/** A value for an error message, whatever it is. */
export function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
