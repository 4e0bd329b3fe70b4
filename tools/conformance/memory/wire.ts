// The messages between a client and the kernel in memory; client/io-memory.c has them in C.

import type { Caller } from "@devlift/core";

export const OP = { OPEN: 1, CLOSE: 2, READ: 3, WRITE: 4, IOCTL: 5, POLL: 6, SETFL: 7, INTERRUPT: 8, DATA: 9 } as const;
export const KIND = { RETURN: 0, PEEK: 1, POKE: 2 } as const;

export const REQUEST_SIZE = 48;
const ANSWER_SIZE = 32;
/** More than any call of a client carries. */
export const MAX_PAYLOAD = 16 * 1024 * 1024;

export interface Request {
  readonly op: number;
  readonly process: number;
  readonly caller: Caller;
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
  readonly payload: Buffer;
}

export interface Answer {
  readonly kind: number;
  readonly value: bigint;
  readonly address?: bigint;
  readonly size?: number;
}

/** Stands for the answer of a client that is gone. */
export const NOBODY: Request = {
  op: OP.DATA,
  process: 0,
  caller: { pid: 0, uid: 0, gid: 0 },
  a: 0n,
  b: 0n,
  c: 0n,
  payload: Buffer.alloc(0),
};

/** A whole request. */
export function parseRequest(bytes: Buffer): Request {
  return {
    op: bytes.readUInt32LE(4),
    process: bytes.readUInt32LE(8),
    caller: { pid: bytes.readUInt32LE(12), uid: bytes.readUInt32LE(16), gid: bytes.readUInt32LE(20) },
    a: bytes.readBigInt64LE(24),
    b: bytes.readBigInt64LE(32),
    c: bytes.readBigInt64LE(40),
    payload: Buffer.from(bytes.subarray(REQUEST_SIZE)),
  };
}

export function encodeAnswer({ kind, value, address = 0n, size = 0 }: Answer, bytes: Uint8Array): Uint8Array {
  const head = Buffer.alloc(ANSWER_SIZE);
  head.writeUInt32LE(bytes.length, 0);
  head.writeUInt32LE(kind, 4);
  head.writeBigInt64LE(value, 8);
  head.writeBigUInt64LE(address, 16);
  head.writeBigUInt64LE(BigInt(size), 24);
  return Buffer.concat([head, bytes]);
}
