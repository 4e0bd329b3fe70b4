// One row an opcode: what its argument is called and looks like, and whether bytes follow it.
// The request decoder checks lengths from it, the session dispatches by its name, and logs print it.

import { type StructSchema, sizeOf } from "../layout/index.ts";
import * as abi from "./abi.ts";

export type OpcodeName = keyof typeof abi.FUSE_OPCODE;

export interface Opcode {
  readonly code: number;
  readonly name: OpcodeName;
  /** Bytes of the fixed argument behind the header. */
  readonly argumentSize: number;
  /** Bytes may follow the argument (the data of a WRITE, the input areas of an IOCTL). */
  readonly payload: boolean;
}

function row(name: OpcodeName, argument: StructSchema | undefined, payload = false): Opcode {
  return {
    code: abi.FUSE_OPCODE[name],
    name,
    argumentSize: argument === undefined ? 0 : sizeOf(argument, "lp64"),
    payload,
  };
}

export const OPCODES: readonly Opcode[] = [
  row("OPEN", abi.fuse_open_in),
  row("READ", abi.fuse_read_in),
  row("WRITE", abi.fuse_write_in, true),
  row("RELEASE", abi.fuse_release_in),
  row("FSYNC", abi.fuse_fsync_in),
  row("FLUSH", abi.fuse_flush_in),
  row("INTERRUPT", abi.fuse_interrupt_in),
  row("DESTROY", undefined),
  row("IOCTL", abi.fuse_ioctl_in, true),
  row("POLL", abi.fuse_poll_in),
  row("CUSE_INIT", abi.cuse_init_in),
];

const BY_CODE = new Map(OPCODES.map((opcode) => [opcode.code, opcode]));

/** The row of an opcode number, or undefined for one that this version does not speak. */
export function opcodeOf(code: number): Opcode | undefined {
  return BY_CODE.get(code);
}
