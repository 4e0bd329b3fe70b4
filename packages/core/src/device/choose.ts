// Which channel to take: the first that this machine has, with a sentence that says why.

import type { Availability } from "../channel/channel.ts";
import { UsageError } from "../errors.ts";

/** Anything that can make a device file: a ChannelKind, or a host of another sort such as a pty. */
export interface Candidate {
  readonly name: string;
  probe(): Availability;
}

export interface Choice<T extends Candidate> {
  readonly kind: T;
  /** E.g. "pty: needs no privilege (cuse: there is no /dev/cuse)". */
  readonly why: string;
}

/**
 * @param candidates best first
 * @param wanted a candidate's name, or "auto"
 * @throws UsageError when the wanted one, or every one, cannot work here; the message says why
 */
export function chooseChannel<T extends Candidate>(candidates: readonly T[], wanted: string): Choice<T> {
  const names = candidates.map((candidate) => candidate.name);
  if (wanted !== "auto" && !names.includes(wanted))
    throw new UsageError(`there is no channel "${wanted}": take auto, ${names.join(", ")}`);
  const refused: string[] = [];
  for (const kind of candidates) {
    if (wanted !== "auto" && kind.name !== wanted) continue;
    const { usable, why } = kind.probe();
    if (usable) {
      const asked = wanted === "auto" ? why : `${why}, and it was asked for`;
      return { kind, why: [`${kind.name}: ${asked}`, ...refused.map((line) => `not ${line}`)].join("; ") };
    }
    refused.push(`${kind.name}: ${why}`);
  }
  throw new UsageError(`no channel works on this machine: ${refused.join("; ")}`);
}
