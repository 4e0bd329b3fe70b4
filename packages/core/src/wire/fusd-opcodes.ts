// One row an operation that the kernel asks of a daemon on /dev/fusd. The request decoder checks lengths from it, the
// session dispatches by its place, and logs print its name.

import { sizeOf } from "../layout/index.ts";
import * as abi from "./fusd-abi.ts";

export type FusdOpName = keyof typeof abi.FUSD_OP;

export interface FusdOp {
  readonly code: number;
  readonly name: FusdOpName;
  /** Its place in FUSD_OPS. */
  readonly index: number;
  /** Bytes of the message in front of its data. */
  readonly size: number;
}

// Object.keys() is typed for objects that have more keys than their type; this one has not.
const NAMES = Object.keys(abi.FUSD_OP) as FusdOpName[];

export const FUSD_OPS: readonly FusdOp[] = NAMES.map((name, index) => ({
  code: abi.FUSD_OP[name],
  name,
  index,
  // An INTERRUPT says which request it means, and nothing else.
  size: sizeOf(name === "INTERRUPT" ? abi.fusd_head : abi.fusd_request, "lp64"),
}));

const BY_CODE: readonly (FusdOp | undefined)[] = Array.from({ length: 16 }, (_, code) =>
  FUSD_OPS.find((op) => op.code === code),
);

/** The row of an operation's number, or undefined for one that this version does not know. */
export function fusdOpOf(code: number): FusdOp | undefined {
  return BY_CODE[code];
}
