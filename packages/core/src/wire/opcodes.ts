// One row an opcode that the kernel sends for a device or a single file: what it is called and what its argument looks like.
// The request decoder checks lengths from it, the session dispatches by its name, and logs print it.

import { type StructSchema, sizeOf } from "../layout/index.ts";
import * as abi from "./abi.ts";

export type OpcodeName = keyof typeof abi.FUSE_OPCODE;

export interface Opcode {
  readonly code: number;
  readonly name: OpcodeName;
  /** Its place in OPCODES: a table by it is faster than one by name. */
  readonly index: number;
  /** Bytes of the fixed argument behind the header. */
  readonly argumentSize: number;
  /** Whether the kernel waits for an answer. */
  readonly answered: boolean;
}

const UNANSWERED: ReadonlySet<OpcodeName> = new Set(["INTERRUPT", "FORGET", "BATCH_FORGET"]);

function row(name: OpcodeName, argument?: StructSchema): Omit<Opcode, "index"> {
  const argumentSize = argument === undefined ? 0 : sizeOf(argument, "lp64");
  return { code: abi.FUSE_OPCODE[name], name, argumentSize, answered: !UNANSWERED.has(name) };
}

const ROWS = [
  row("OPEN", abi.fuse_open_in),
  row("READ", abi.fuse_read_in),
  row("WRITE", abi.fuse_write_in),
  row("RELEASE", abi.fuse_release_in),
  row("INTERRUPT", abi.fuse_interrupt_in),
  row("IOCTL", abi.fuse_ioctl_in),
  row("POLL", abi.fuse_poll_in),
  row("CUSE_INIT", abi.cuse_init_in),
  row("INIT", abi.fuse_init_in),
  row("GETATTR", abi.fuse_getattr_in),
  row("SETATTR", abi.fuse_setattr_in),
  row("STATFS"),
  row("FSYNC", abi.fuse_fsync_in),
  row("FORGET", abi.fuse_forget_in),
  row("BATCH_FORGET", abi.fuse_batch_forget_in),
  row("DESTROY"),
];

export const OPCODES: readonly Opcode[] = ROWS.map((opcode, index) => ({ ...opcode, index }));

/** By number, as FUSE's are small; CUSE_INIT, which comes once, is not. */
const BY_CODE: readonly (Opcode | undefined)[] = Array.from({ length: 64 }, (_, code) =>
  OPCODES.find((opcode) => opcode.code === code),
);
const CUSE_INIT = OPCODES.find((opcode) => opcode.name === "CUSE_INIT");

/** The row of an opcode number, or undefined for one that this version does not speak. */
export function opcodeOf(code: number): Opcode | undefined {
  if (code < BY_CODE.length) return BY_CODE[code];
  return code === CUSE_INIT?.code ? CUSE_INIT : undefined;
}
