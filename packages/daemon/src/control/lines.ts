// Lines of bounded length out of a stream of bytes.

import { ControlError } from "../errors.ts";

const NEWLINE = 10;

/** @param most bytes of a line @throws ControlError for a longer one. What follows the last newline is dropped */
export async function* linesOf(source: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<string> {
  let begun = Buffer.alloc(0);
  for await (const chunk of source) {
    let rest = begun.length === 0 ? Buffer.from(chunk) : Buffer.concat([begun, chunk]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      if (end > most) break;
      yield rest.toString("utf8", 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > most) throw new ControlError(`a line of more than ${most} bytes`);
    begun = rest;
  }
}
