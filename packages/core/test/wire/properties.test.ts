// Random messages: what is taken for a request, and what comes out of one and goes into an answer.

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { decode, encode, type StructSchema, sizeOf } from "../../src/layout/index.ts";
import * as abi from "../../src/wire/abi.ts";
import { OPCODES, type OpcodeName } from "../../src/wire/opcodes.ts";
import { ReplyFront } from "../../src/wire/reply.ts";
import { RequestView } from "../../src/wire/request.ts";

/** A bound for a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

/** Least bytes of each argument: sizeof() of the structs of include/uapi/linux/fuse.h. */
const ARGUMENTS: Readonly<Record<OpcodeName, number>> = {
  OPEN: 8,
  READ: 40,
  WRITE: 40,
  RELEASE: 24,
  INTERRUPT: 8,
  IOCTL: 32,
  POLL: 24,
  CUSE_INIT: 16,
  // fuse_init_in up to 7.35; later ones are longer.
  INIT: 16,
  GETATTR: 16,
  SETATTR: 88,
  STATFS: 0,
  FSYNC: 16,
  FORGET: 8,
  BATCH_FORGET: 8,
  DESTROY: 0,
};
const CODES = new Map(OPCODES.map(({ code, name }) => [code, name]));
const HEADER = 40;

const u32s = fc.nat({ max: 0xffff_ffff });
const u64s = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

test("a request is what is as long as its header says, and has all of its opcode's argument", () => {
  const outcomes = new Set<string>();
  const opcodes = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...CODES.keys()) }, u32s);
  const lengths = fc.oneof(fc.nat({ max: 140 }), fc.constantFrom(39, 40, 48, 56, 64, 72, 80, 128));
  fc.assert(
    fc.property(opcodes, lengths, fc.oneof(fc.constant(0), fc.integer({ min: -5, max: 5 })), (opcode, length, lie) => {
      const bytes = new Uint8Array(256).fill(0xa5);
      const header = new DataView(bytes.buffer);
      header.setUint32(0, (length + lie) >>> 0, true);
      header.setUint32(4, opcode, true);
      const view = new RequestView(bytes);
      const outcome = view.load(length);
      outcomes.add(String(outcome));
      const name = CODES.get(opcode);
      if (length < HEADER) expect(outcome).toBe("shorter than a header");
      else if (lie !== 0) expect(outcome).toBe("length field does not match");
      else if (name !== undefined && length < HEADER + ARGUMENTS[name]) expect(outcome).toBe("argument cut off");
      else {
        expect(outcome).toBeUndefined();
        expect(view.opcode?.name).toBe(name);
        expect(view.payload().length).toBe(length - HEADER - (name === undefined ? 0 : ARGUMENTS[name]));
      }
    }),
    { numRuns: 5000 },
  );
  expect(outcomes.size).toBe(4);
});

/** A request with these fields; what is not named is random. */
function request(name: OpcodeName, argument: Uint8Array, unique: bigint, payload: Uint8Array): RequestView {
  const header = encode(abi.fuse_in_header, "lp64", {
    len: HEADER + argument.length + payload.length,
    opcode: abi.FUSE_OPCODE[name],
    unique,
    nodeid: 1n,
    uid: 1,
    gid: 2,
    pid: 3,
    total_extlen: 0,
    padding: 0,
  });
  const bytes = Uint8Array.from([...header, ...argument, ...payload]);
  const view = new RequestView(bytes);
  expect(view.load(bytes.length)).toBeUndefined();
  return view;
}

type Values = Readonly<Record<string, number | bigint>>;

/** For each opcode its struct and what the view says of it. */
const VIEWS: readonly [OpcodeName, StructSchema, (view: RequestView) => Values][] = [
  ["OPEN", abi.fuse_open_in, (v) => ({ flags: v.openFlags })],
  ["READ", abi.fuse_read_in, (v) => ({ size: v.readSize, flags: v.readFlags })],
  ["WRITE", abi.fuse_write_in, (v) => ({ size: v.writeSize, flags: v.writeFlags })],
  ["RELEASE", abi.fuse_release_in, (v) => ({ flags: v.releaseFlags })],
  ["POLL", abi.fuse_poll_in, (v) => ({ kh: v.pollHandle, flags: v.pollFlags, events: v.pollEvents })],
  [
    "IOCTL",
    abi.fuse_ioctl_in,
    (v) => ({
      flags: v.ioctlFlags,
      cmd: v.ioctlCommand,
      arg: v.ioctlArgument,
      in_size: v.ioctlInSize,
      out_size: v.ioctlOutSize,
    }),
  ],
  [
    "INTERRUPT",
    abi.fuse_interrupt_in,
    (v) => ({ unique: (BigInt(v.interruptedHigh) << 32n) | BigInt(v.interruptedLow) }),
  ],
];

test("a request's fields are those of its struct, whatever they hold, and the payload is what follows it", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...VIEWS),
      fc.infiniteStream(fc.nat({ max: 255 })),
      u64s,
      fc.uint8Array(),
      (row, random, unique, payload) => {
        const [name, schema, read] = row;
        const argument = Uint8Array.from({ length: sizeOf(schema, "lp64") }, () => random.next().value);
        const view = request(name, argument, unique, payload);
        expect(decode(schema, "lp64", argument)).toMatchObject(read(view));
        expect((BigInt(view.uniqueHigh) << 32n) | BigInt(view.uniqueLow)).toBe(unique);
        expect([view.uid, view.gid, view.pid]).toEqual([1, 2, 3]);
        expect(view.payload()).toEqual(payload);
        const fh = new DataView(argument.buffer).getBigUint64(0, true);
        expect(view.fh).toBe(fh < 2n ** 32n ? Number(fh) : -1);
      },
    ),
    { numRuns: 2000 },
  );
});

/** Takes an answer apart: its header, checked against its length, and the rest. */
function taken(...parts: readonly Uint8Array[]) {
  const bytes = Uint8Array.from(Buffer.concat(parts));
  const header = decode(abi.fuse_out_header, "lp64", bytes);
  expect(header.len).toBe(bytes.length);
  return { ...header, body: bytes.subarray(16) };
}

test("an answer says what was put into it, also from a front that was used before", () => {
  const areas = fc.array(fc.record({ base: u64s, len: u32s }), { maxLength: 5 });
  const front = new ReplyFront();
  fc.assert(
    fc.property(u64s, u32s, u32s, areas, areas, fc.nat({ max: 132 }), (unique, a, b, ins, outs, errno) => {
      const to = () => front.to(Number(unique & 0xffff_ffffn), Number(unique >> 32n));
      const ok = { unique, error: 0 };
      expect(taken(to().status(errno))).toMatchObject({ unique, error: errno === 0 ? 0 : -errno });
      const opened = taken(to().open(a, b));
      expect(opened).toMatchObject(ok);
      expect(decode(abi.fuse_open_out, "lp64", opened.body)).toEqual({ fh: BigInt(a), open_flags: b, padding: 0 });
      expect(decode(abi.fuse_write_out, "lp64", taken(...to().written(a)).body)).toEqual({ size: a, padding: 0 });
      expect(decode(abi.fuse_poll_out, "lp64", taken(to().polled(b)).body)).toEqual({ revents: b, padding: 0 });
      const again = taken(...to().ioctlRetry(ins, outs));
      expect(again).toMatchObject(ok);
      const [in_iovs, out_iovs] = [ins.length, outs.length];
      expect(decode(abi.fuse_ioctl_out, "lp64", again.body)).toEqual({
        result: 0,
        flags: abi.FUSE_IOCTL_RETRY,
        in_iovs,
        out_iovs,
      });
      const iovecs = [...ins, ...outs].map((_, index) =>
        decode(abi.fuse_ioctl_iovec, "lp64", again.body, 16 + 16 * index),
      );
      expect(iovecs).toEqual([...ins, ...outs].map(({ base, len }) => ({ base, len: BigInt(len) })));
      const done = taken(...to().ioctl(a | 0, new Uint8Array(4)));
      expect(decode(abi.fuse_ioctl_out, "lp64", done.body)).toEqual({
        result: a | 0,
        flags: 0,
        in_iovs: 0,
        out_iovs: 0,
      });
      const wake = taken(front.notifyPoll(unique));
      expect(wake).toMatchObject({ unique: 0n, error: abi.FUSE_NOTIFY_POLL });
      expect(decode(abi.fuse_notify_poll_wakeup_out, "lp64", wake.body)).toEqual({ kh: unique });
    }),
    { numRuns: 1000 },
  );
});
