// What a tap on a session of /dev/fusd shows: the same requests and answers as FUSE messages, so that tracing, recordings
// and their replay know one protocol. What FUSE's devices have not (LLSEEK, FLUSH, PUBLISH) is not shown.
// Lifetimes: one as long as somebody looks; it keeps what a request was until its answer.

import { encode, type Infer, type StructSchema, sizeOf } from "../layout/index.ts";
import * as fuse from "../wire/abi.ts";
import * as abi from "../wire/fusd-abi.ts";
import type { FusdOpName } from "../wire/fusd-opcodes.ts";
import { FusdRequestView } from "../wire/fusd-request.ts";
import type { OpcodeName } from "../wire/opcodes.ts";
import type { Monitor } from "./monitor.ts";

const REPLY_SIZE = sizeOf(abi.fusd_reply, "lp64");
const NOTHING = new Uint8Array(0);
const MALFORMED = new Uint8Array(4);

interface Shown {
  readonly name: OpcodeName;
  readonly body: Uint8Array;
}

export class FusdAsFuse implements Monitor {
  readonly #monitor: Monitor;
  readonly #pending = new Map<bigint, OpcodeName>();

  constructor(monitor: Monitor) {
    this.#monitor = monitor;
  }

  received(message: Uint8Array): void {
    const view = new FusdRequestView(message);
    if (view.load(message.length) !== undefined || view.op === undefined) {
      this.#monitor.received(MALFORMED);
      return;
    }
    const shown = SHOWN[view.op.name](view);
    if (shown === undefined) return;
    const { name, body } = shown;
    const unique = (BigInt(view.uniqueHigh) << 32n) | BigInt(view.uniqueLow);
    const opcode = fuse.FUSE_OPCODE[name];
    const len = sizeOf(fuse.fuse_in_header, "lp64") + body.length;
    const { uid, gid, pid } = view.op.name === "INTERRUPT" ? { uid: 0, gid: 0, pid: 0 } : view;
    const header = { len, opcode, unique, nodeid: 0n, uid, gid, pid, total_extlen: 0, padding: 0 };
    this.#monitor.received(joined(encode(fuse.fuse_in_header, "lp64", header), body));
    if (name === "INTERRUPT") return;
    if ((view.flags & abi.FUSD_NO_REPLY) !== 0) this.#answered(unique, 0, NOTHING);
    else this.#pending.set(unique, name);
  }

  sent(parts: readonly Uint8Array[]): void {
    const message = joined(...parts);
    const view = new DataView(message.buffer);
    if (view.getUint16(4, true) !== abi.FUSD_REPLY) return;
    const unique = view.getBigUint64(8, true);
    const name = this.#pending.get(unique);
    this.#pending.delete(unique);
    if (name === undefined) return;
    const result = Number(view.getBigInt64(16, true));
    const isRetry = (view.getUint16(6, true) & abi.FUSD_REPLY_RETRY) !== 0;
    const answer = { result, value: view.getBigUint64(24, true), isRetry, tail: message.subarray(REPLY_SIZE) };
    this.#answered(unique, Math.min(result, 0), result < 0 ? NOTHING : bodyOf(name, answer));
  }

  closing(): void {
    this.#monitor.closing?.();
  }

  #answered(unique: bigint, error: number, body: Uint8Array): void {
    const len = sizeOf(fuse.fuse_out_header, "lp64") + body.length;
    this.#monitor.sent([joined(encode(fuse.fuse_out_header, "lp64", { len, error, unique }), body)]);
  }
}

function shown<S extends StructSchema>(
  name: OpcodeName,
  schema: S,
  value: Infer<S>,
  data: Uint8Array = NOTHING,
): Shown {
  return { name, body: joined(encode(schema, "lp64", value), data) };
}

const opened = ({ fileFlags: flags }: FusdRequestView) => shown("OPEN", fuse.fuse_open_in, { flags, open_flags: 0 });

/** What is between an open file and the bytes, of a READ and of a WRITE. */
function transferOf({ cookie, offset, size, fileFlags: flags }: FusdRequestView) {
  return { fh: fhOf(cookie), offset: BigInt.asUintN(64, BigInt(offset)), size, lock_owner: 0n, flags, padding: 0 };
}

/** A cookie that is none of ours is -1. */
function fhOf(cookie: number): bigint {
  return BigInt.asUintN(64, BigInt(cookie));
}

function ioctlFlags(flags: number): number {
  const x32 = (flags & abi.FUSD_IOCTL_X32) !== 0;
  if (!x32 && (flags & abi.FUSD_IOCTL_32BIT) === 0) return fuse.FUSE_IOCTL_UNRESTRICTED;
  const compat = fuse.FUSE_IOCTL_UNRESTRICTED | fuse.FUSE_IOCTL_COMPAT | fuse.FUSE_IOCTL_32BIT;
  return x32 ? compat | fuse.FUSE_IOCTL_COMPAT_X32 : compat;
}

const SHOWN: Readonly<Record<FusdOpName, (view: FusdRequestView) => Shown | undefined>> = {
  OPEN: opened,
  RESTORE: opened,
  RELEASE: ({ cookie, fileFlags: flags }) =>
    shown("RELEASE", fuse.fuse_release_in, { fh: fhOf(cookie), flags, release_flags: 0, lock_owner: 0n }),
  READ: (view) => shown("READ", fuse.fuse_read_in, { ...transferOf(view), read_flags: 0 }),
  WRITE: (view) => shown("WRITE", fuse.fuse_write_in, { ...transferOf(view), write_flags: 0 }, view.payload()),
  IOCTL(view) {
    const { cookie, cmd, arg, size: in_size, outSize: out_size } = view;
    const fields = { fh: fhOf(cookie), flags: ioctlFlags(view.flags), cmd, arg, in_size, out_size };
    return shown("IOCTL", fuse.fuse_ioctl_in, fields, view.payload());
  },
  FSYNC: ({ cookie, cmd: fsync_flags }) =>
    shown("FSYNC", fuse.fuse_fsync_in, { fh: fhOf(cookie), fsync_flags, padding: 0 }),
  INTERRUPT: ({ uniqueLow, uniqueHigh }) =>
    shown("INTERRUPT", fuse.fuse_interrupt_in, { unique: (BigInt(uniqueHigh) << 32n) | BigInt(uniqueLow) }),
  LLSEEK: () => undefined,
  FLUSH: () => undefined,
};

interface Answer {
  readonly result: number;
  readonly value: bigint;
  readonly isRetry: boolean;
  readonly tail: Uint8Array;
}

function bodyOf(name: OpcodeName, { result, value, isRetry, tail }: Answer): Uint8Array {
  switch (name) {
    case "OPEN":
      return encode(fuse.fuse_open_out, "lp64", { fh: value, open_flags: 0, padding: 0 });
    case "WRITE":
      return encode(fuse.fuse_write_out, "lp64", { size: result, padding: 0 });
    case "IOCTL": {
      const retry = { result: 0, flags: fuse.FUSE_IOCTL_RETRY, in_iovs: result, out_iovs: Number(value) };
      const last = { result, flags: 0, in_iovs: 0, out_iovs: 0 };
      return joined(encode(fuse.fuse_ioctl_out, "lp64", isRetry ? retry : last), tail);
    }
    default:
      return tail;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
