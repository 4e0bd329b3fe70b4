// The words in which an author writes down a C layout. A schema carries two things: its layout, a run-time tree, and
// its TypeScript value type, which exists for the compiler alone. Schemas are immutable constants of a module:
//
//   export const Timeval = struct({ tv_sec: long, tv_usec: long });
//   export type Timeval = Infer<typeof Timeval>;

import { UsageError } from "../errors.ts";
import {
  type Count,
  type Direction,
  depthOf,
  type Field,
  type FlaggedDirection,
  isOpen,
  type Layout,
  type ScalarLayout,
  type ScalarType,
  type StructLayout,
  toldCount,
} from "./layout.ts";

declare const VALUE: unique symbol;
declare const NEEDS: unique symbol;
declare const PARENT: unique symbol;

/**
 * A C layout whose value is a `T`. `Needs` are the fields that the enclosing struct must have (lengths by name);
 * `Parent` is what a pointer's direction function reads of it. The symbols exist in types only.
 */
export interface Schema<out T = unknown, in Needs = never, in Parent = never> {
  readonly layout: Layout;
  readonly [VALUE]?: () => T;
  readonly [NEEDS]?: (parent: Needs) => void;
  readonly [PARENT]?: (parent: Parent) => void;
}

/** A schema that stands on its own, needing nothing of an enclosing struct. */
export type Alone<T> = Schema<T, unknown, unknown>;

export interface ScalarSchema<out T extends number | bigint = number | bigint> extends Alone<T> {
  readonly layout: ScalarLayout;
}

export interface StructSchema<out T = unknown> extends Alone<T> {
  readonly layout: StructLayout;
}

/**
 * A pointer is the function that tells its direction from the struct it sits in. TypeScript puts off the call of a
 * generic function which returns a function until it knows the types of the other properties of the object literal:
 * that is what gives `(m) => m.flags & I2C_M_RD` its exact `m`.
 */
export interface PointerSchema<out T, in Needs, in Parent> extends Schema<T, Needs, Parent> {
  (parent: Parent): Direction;
}

/** The TypeScript type of a schema's value. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Lengths<Name extends string> = { readonly [N in Name]: number | bigint };

/**
 * A count that follows from the fields of the enclosing struct by a rule of its own: a size in bytes of larger items, or
 * one that depends on a command in another field. Annotate its parameter with the fields that it reads. Pointers and
 * flexible arrays are not there yet when it is asked.
 */
export type CountRule<Needs> = (parent: Needs) => number;

/** The highest count that a field or rule may tell. More is EINVAL before any memory is asked for. */
export interface Limit {
  readonly max: number;
}

function scalar<T extends number | bigint>(type: ScalarType): ScalarSchema<T> {
  return { layout: { kind: "scalar", type } };
}

export const u8: ScalarSchema<number> = scalar("u8");
export const i8: ScalarSchema<number> = scalar("i8");
export const u16: ScalarSchema<number> = scalar("u16");
export const i16: ScalarSchema<number> = scalar("i16");
export const u32: ScalarSchema<number> = scalar("u32");
export const i32: ScalarSchema<number> = scalar("i32");
export const u64: ScalarSchema<bigint> = scalar("u64");
export const i64: ScalarSchema<bigint> = scalar("i64");
/** C `int` and `unsigned int`. */
export const int: ScalarSchema<number> = i32;
export const uint: ScalarSchema<number> = u32;
/**
 * C `long` and `unsigned long`: 8 bytes for 64-bit callers, 4 for others. A number, because drivers calculate with it;
 * a client's value beyond Number.MAX_SAFE_INTEGER is EOVERFLOW.
 */
export const long: ScalarSchema<number> = scalar("long");
export const ulong: ScalarSchema<number> = scalar("ulong");
/** `__kernel_long_t` and `__kernel_ulong_t`, of `struct timeval` in kernel headers: as long, but 8 bytes on x32. */
export const kernelLong: ScalarSchema<number> = scalar("kernelLong");
export const kernelUlong: ScalarSchema<number> = scalar("kernelUlong");
/** A pointer that nobody follows: a cookie of the client's. */
export const address: ScalarSchema<bigint> = scalar("address");

/** An integer whose bits have names: `flags(u16, { I2C_M_RD: 1 })`. Without names it is shown in hexadecimal. */
export function flags<T extends number | bigint>(
  base: ScalarSchema<T>,
  names: Readonly<Record<string, NoInfer<T>>> = {},
): ScalarSchema<T> {
  return named(base, "flags", names);
}

/** An integer whose values have names: `enumeration(u32, { AFMT_U8: 8 })`. Other values are valid and shown as numbers. */
export function enumeration<T extends number | bigint>(
  base: ScalarSchema<T>,
  names: Readonly<Record<string, NoInfer<T>>>,
): ScalarSchema<T> {
  return named(base, "enumeration", names);
}

function named<T extends number | bigint>(
  base: ScalarSchema<T>,
  style: "flags" | "enumeration",
  names: Readonly<Record<string, number | bigint>>,
): ScalarSchema<T> {
  const of = new Map(Object.entries(names).map(([name, value]) => [BigInt(value), name]));
  return { layout: { ...base.layout, names: { style, of } } };
}

/** `unsigned char name[count]`, as a Uint8Array. Encoding fills a shorter one with zeros. */
export function bytes(count: number): Alone<Uint8Array>;
export function bytes<const Name extends string>(count: Name, limit: Limit): Schema<Uint8Array, Lengths<Name>, unknown>;
export function bytes<Needs>(count: CountRule<Needs>, limit: Limit): Schema<Uint8Array, Needs, unknown>;
export function bytes(count: number | Teller, limit?: Limit): Alone<Uint8Array> {
  return { layout: { kind: "bytes", item: u8.layout, count: checkedCount(count, limit) } };
}

/**
 * `char name[count]` that holds a NUL-terminated UTF-8 string. A client's string without NUL ends with the array;
 * encoding cuts a longer one as strscpy does, at a whole character and with its NUL.
 */
export function cstring(count: number): Alone<string>;
export function cstring<const Name extends string>(count: Name, limit: Limit): Schema<string, Lengths<Name>, unknown>;
export function cstring<Needs>(count: CountRule<Needs>, limit: Limit): Schema<string, Needs, unknown>;
export function cstring(count: number | Teller, limit?: Limit): Alone<string> {
  return { layout: { kind: "cstring", item: u8.layout, count: checkedCount(count, limit) } };
}

/** `item name[count]`. Encoding wants exactly as many items. */
export function array<T>(item: Alone<T>, count: number): Alone<T[]>;
export function array<T, const Name extends string>(
  item: Alone<T>,
  count: Name,
  limit: Limit,
): Schema<T[], Lengths<Name>, unknown>;
export function array<T, Needs>(item: Alone<T>, count: CountRule<Needs>, limit: Limit): Schema<T[], Needs, unknown>;
export function array<T>(item: Alone<T>, count: number | Teller, limit?: Limit): Alone<T[]> {
  if (item.layout.kind === "pointer")
    throw new UsageError("array items cannot be pointers: put the pointer in a struct");
  if (isOpen(item.layout)) throw new UsageError("array items must have a fixed size");
  return { layout: { kind: "array", item: item.layout, count: checkedCount(count, limit) } };
}

/** The name of a field, or a CountRule whose parameter struct() has matched with the struct. */
type Teller = string | ((parent: never) => number);

function checkedCount(count: number | Teller, limit: Limit | undefined): Count {
  const max = typeof count === "number" ? count : limit?.max;
  if (max === undefined || !Number.isSafeInteger(max) || max < 1) {
    const shown = typeof count === "function" ? "a rule" : count;
    throw new UsageError(`a count must be a positive integer, or a field or rule and such a max: ${shown}, max ${max}`);
  }
  if (typeof count !== "function") return typeof count === "number" ? count : { by: count, max };
  // struct() takes a rule only where the struct's value fits its parameter, and counted() passes just that value.
  return { by: (parent) => count(parent as never), max };
}

/**
 * A C struct; the order of the fields is C's. Lengths by name refer to integer fields of this very struct, earlier or
 * later. A last field `bytes`, `cstring` or `array` with a length by name or rule is a C99 flexible array member.
 * @throws UsageError when a field cannot be laid out, or a length refers to no integer field
 */
export function struct<T>(schemas: { readonly [K in keyof T]: Schema<T[K], T, T> }): StructSchema<T> {
  const fields = Object.entries<Schema>(schemas).map(([name, schema]): Field => ({ name, layout: schema.layout }));
  if (fields.length === 0) throw new UsageError("a struct needs a field");
  for (const field of fields) checkField(field, fields);
  return { layout: { kind: "struct", fields } };
}

/** Bits of a mask's field that are there in every data model, and that no sign is extended into. */
function maskBits(type: ScalarType): number {
  const digits = /\d+$/.exec(type);
  return digits === null ? 32 : Number(digits[0]);
}

function checkField({ name, layout }: Field, fields: readonly Field[]): void {
  // Digits alone would move to the front of the object's order of properties.
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new UsageError(`${name}: not a C field name`);
  if (isOpen(layout) && (layout.kind === "struct" || name !== fields.at(-1)?.name)) {
    throw new UsageError(`${name}: only the last field can have a size that depends on the data, and not as a struct`);
  }
  if (layout.kind === "pointer" && typeof layout.told === "object") {
    const { field, mask } = layout.told;
    const flags = fields.find((other) => other.name === field);
    if (flags?.layout.kind !== "scalar") throw new UsageError(`${name}: its direction's ${field} is no integer field`);
    if (BigInt(mask) >> BigInt(maskBits(flags.layout.type)) !== 0n)
      throw new UsageError(`${name}: its direction's mask ${mask} has bits that ${field} has not`);
  }
  const length = toldCount(layout.kind === "pointer" ? layout.target : layout);
  if (typeof length?.by !== "string") return;
  const teller = fields.find((field) => field.name === length.by);
  if (teller?.layout.kind !== "scalar") throw new UsageError(`${name}: its length ${length.by} is no integer field`);
}

/** A C union, as the bytes of its widest member; `decode` a member from them. Members hold no pointers. */
export function union(...members: readonly Alone<unknown>[]): Alone<Uint8Array> {
  const layouts = members.map((member) => member.layout);
  if (layouts.length === 0) throw new UsageError("a union needs a member");
  if (layouts.some((layout) => layout.kind === "pointer" || isOpen(layout) || depthOf(layout) > 1)) {
    throw new UsageError("a union's members cannot hold pointers or depend on the data for their size");
  }
  return { layout: { kind: "union", members: layouts } };
}

/** What flagged() makes: the field's name is matched with the struct. */
export interface Flagged<Name extends string = string> extends FlaggedDirection {
  readonly field: Name;
}

/**
 * A direction that an integer field of the struct tells: `set` where it has one of the mask's bits, else `clear`. As
 * good as the function that says the same, and the fusd channel's kernel can follow it by itself.
 * @throws UsageError for a mask that is no set of bits
 */
export function flagged<const Name extends string>(
  field: Name,
  mask: number | bigint,
  set: Direction,
  clear: Direction,
): Flagged<Name> {
  if ((typeof mask === "number" && !Number.isSafeInteger(mask)) || mask <= 0)
    throw new UsageError(`a mask is a positive integer, not ${mask}`);
  return { field, mask, set, clear };
}

function tellFlagged({ field, mask, set, clear }: FlaggedDirection): (parent: object) => Direction {
  const bits = BigInt(mask);
  return (parent) => {
    // struct() has seen to it that the field is there, and an integer.
    const value = (parent as Readonly<Record<string, number | bigint>>)[field] ?? 0;
    return (BigInt(value) & bits) === 0n ? clear : set;
  };
}

/**
 * A pointer field. Its value is what it points to: the planner follows it. NULL is EFAULT, or null where `nullable`;
 * a length of 0 is empty wherever the pointer points.
 * @param direction "in" (default), "out", "inout", flagged(), or a function of the enclosing struct's fields; other
 *   pointers in that struct are not there yet when it is asked. A target that itself holds pointers or lengths is always
 *   read, because they are the client's
 */
export function ptr<T, Needs, const Name extends string, const Nullable extends boolean = false>(
  target: Schema<T, Needs, unknown>,
  direction: Flagged<Name>,
  options?: { readonly nullable: Nullable },
): PointerSchema<Nullable extends true ? T | null : T, Needs & Lengths<Name>, unknown>;
export function ptr<T, Needs, Parent, const Nullable extends boolean = false>(
  target: Schema<T, Needs, unknown>,
  direction?: Direction | ((parent: Parent) => Direction),
  options?: { readonly nullable: Nullable },
): PointerSchema<Nullable extends true ? T | null : T, Needs, Parent>;
export function ptr(
  target: Schema<unknown, never, unknown>,
  direction: Direction | Flagged | ((parent: never) => Direction) = "in",
  options?: { readonly nullable: boolean },
): PointerSchema<unknown, never, never> {
  if (target.layout.kind === "pointer") {
    throw new UsageError("a pointer to a pointer: put the inner one in a struct");
  }
  const tell = teller(direction);
  const layout: Layout = {
    kind: "pointer",
    target: target.layout,
    direction: tell,
    told: typeof direction === "function" ? undefined : direction,
    nullable: options?.nullable ?? false,
  };
  return Object.assign((parent: never) => tell(parent), { layout });
}

function teller(direction: Direction | Flagged | ((parent: never) => Direction)): (parent: object) => Direction {
  if (typeof direction === "object") return tellFlagged(direction);
  if (typeof direction === "string") return () => direction;
  // struct() takes a pointer only where the struct's value fits its Parent, and the planner passes just that value.
  return (parent) => direction(parent as never);
}
