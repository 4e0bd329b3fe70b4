// One row an opcode CUSE sends: what it is called and what its argument looks like.
// The request decoder checks lengths from it, the session dispatches by its name, and logs print it.

import { type StructSchema, sizeOf } from "../layout/index.ts";
import * as abi from "./abi.ts";

export type OpcodeName = keyof typeof abi.FUSE_OPCODE;

export interface Opcode {
  readonly code: number;
  readonly name: OpcodeName;
  /** Bytes of the fixed argument behind the header. */
  readonly argumentSize: number;
}

function row(name: OpcodeName, argument: StructSchema): Opcode {
  return { code: abi.FUSE_OPCODE[name], name, argumentSize: sizeOf(argument, "lp64") };
}

export const OPCODES: readonly Opcode[] = [
  row("OPEN", abi.fuse_open_in),
  row("READ", abi.fuse_read_in),
  row("WRITE", abi.fuse_write_in),
  row("RELEASE", abi.fuse_release_in),
  row("INTERRUPT", abi.fuse_interrupt_in),
  row("IOCTL", abi.fuse_ioctl_in),
  row("POLL", abi.fuse_poll_in),
  row("CUSE_INIT", abi.cuse_init_in),
];

const BY_CODE = new Map(OPCODES.map((opcode) => [opcode.code, opcode]));

/** The row of an opcode number, or undefined for one that this version does not speak. */
export function opcodeOf(code: number): Opcode | undefined {
  return BY_CODE.get(code);
}
