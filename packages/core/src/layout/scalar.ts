// How each integer type is read, checked and written, little-endian.

import { DeviceError } from "../errors.ts";
import type { ScalarType } from "./layout.ts";
import { Misfit, shown } from "./misfit.ts";
import { type DataModel, WIDTHS } from "./model.ts";

export interface Integer {
  readonly size: number;
  readonly align: number;
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly get: (view: DataView, at: number) => number | bigint;
  readonly set: (view: DataView, at: number, value: number | bigint) => void;
}

type Access = Pick<Integer, "get" | "set">;

/** A two's-complement integer of `bits` bits whose values are numbers. */
function narrow(bits: 8 | 16 | 32, signed: boolean, access: Access): Integer {
  const size = bits / 8;
  const max = 2 ** (signed ? bits - 1 : bits) - 1;
  return { size, align: size, min: signed ? -max - 1 : 0, max, ...access };
}

/** A 64-bit integer whose values are bigints. */
function wide(signed: boolean, access: Access): Integer {
  const max = 2n ** (signed ? 63n : 64n) - 1n;
  return { size: 8, align: 8, min: signed ? -max - 1n : 0n, max, ...access };
}

/** A 64-bit `long`, whose values are numbers. */
function long64(min: number, { get, set }: Access): Integer {
  return {
    size: 8,
    align: 8,
    min,
    max: Number.MAX_SAFE_INTEGER,
    get(view, at) {
      const value = Number(get(view, at));
      if (!Number.isSafeInteger(value)) throw new DeviceError("EOVERFLOW", `a long of ${value} is beyond 2^53`);
      return value;
    },
    set,
  };
}

const U8 = narrow(8, false, { get: (v, at) => v.getUint8(at), set: (v, at, n) => v.setUint8(at, Number(n)) });
const I8 = narrow(8, true, { get: (v, at) => v.getInt8(at), set: (v, at, n) => v.setInt8(at, Number(n)) });
const U16 = narrow(16, false, {
  get: (v, at) => v.getUint16(at, true),
  set: (v, at, n) => v.setUint16(at, Number(n), true),
});
const I16 = narrow(16, true, {
  get: (v, at) => v.getInt16(at, true),
  set: (v, at, n) => v.setInt16(at, Number(n), true),
});
const U32 = narrow(32, false, {
  get: (v, at) => v.getUint32(at, true),
  set: (v, at, n) => v.setUint32(at, Number(n), true),
});
const I32 = narrow(32, true, {
  get: (v, at) => v.getInt32(at, true),
  set: (v, at, n) => v.setInt32(at, Number(n), true),
});
const U64 = wide(false, {
  get: (v, at) => v.getBigUint64(at, true),
  set: (v, at, n) => v.setBigUint64(at, BigInt(n), true),
});
const I64 = wide(true, {
  get: (v, at) => v.getBigInt64(at, true),
  set: (v, at, n) => v.setBigInt64(at, BigInt(n), true),
});
/** A 32-bit address: a bigint like the 64-bit one. */
const ADDRESS32: Integer = {
  size: 4,
  align: 4,
  min: 0n,
  max: 0xffff_ffffn,
  get: (v, at) => BigInt(v.getUint32(at, true)),
  set: (v, at, n) => v.setUint32(at, Number(n), true),
};
const LONG64 = long64(Number.MIN_SAFE_INTEGER, I64);
const ULONG64 = long64(0, U64);

const INTEGERS = { u8: U8, i8: I8, u16: U16, i16: I16, u32: U32, i32: I32, u64: U64, i64: I64 };

export function integerOf(type: ScalarType, model: DataModel): Integer {
  const { long, align64, kernelLong, pointer } = WIDTHS[model];
  switch (type) {
    case "long":
      return long === 8 ? LONG64 : I32;
    case "ulong":
      return long === 8 ? ULONG64 : U32;
    case "kernelLong":
      return kernelLong === 8 ? LONG64 : I32;
    case "kernelUlong":
      return kernelLong === 8 ? ULONG64 : U32;
    case "address":
      return pointer === 8 ? U64 : ADDRESS32;
    default:
      return { ...INTEGERS[type], align: Math.min(INTEGERS[type].size, align64) };
  }
}

/** @throws Misfit unless the value is one that the C type can hold */
export function checkInteger(value: unknown, type: ScalarType, { min, max }: Integer): number | bigint {
  const whole = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
  if (!whole || typeof value !== typeof max || value < min || value > max) {
    throw new Misfit(`${shown(value)} is no ${type} (${typeof max}, ${min} to ${max})`);
  }
  return value;
}
