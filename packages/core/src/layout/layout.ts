// What a schema is at run time: a tree of plain, immutable nodes that live as long as the module that wrote them.
// schema.ts makes them and gives them their TypeScript types; codec.ts, plan.ts and format.ts read them.

import { DeviceError } from "../errors.ts";

/** As the client sees it: "in" is read from its memory, "out" is written to it, "inout" both. */
export type Direction = "in" | "out" | "inout";

/** A direction told by a mask on an integer field of the struct that holds the pointer, for readers that are no program. */
export interface FlaggedDirection {
  readonly field: string;
  readonly mask: number | bigint;
  /** Where the field has one of the mask's bits. */
  readonly set: Direction;
  readonly clear: Direction;
}

export type ScalarType =
  | "u8"
  | "i8"
  | "u16"
  | "i16"
  | "u32"
  | "i32"
  | "u64"
  | "i64"
  | "long"
  | "ulong"
  | "kernelLong"
  | "kernelUlong"
  | "address";

/** A count that the struct tells which holds the bytes, string, array or pointer: by an integer field, or by a rule. */
export interface ToldCount {
  /** An integer field, or a function of the struct's fields. */
  readonly by: string | ((parent: object) => number);
  readonly max: number;
}

/** How many: fixed, or told by the data. */
export type Count = number | ToldCount;

export interface ScalarLayout {
  readonly kind: "scalar";
  readonly type: ScalarType;
  /** Names of bits or of values, for traces alone. */
  readonly names?: { readonly style: "flags" | "enumeration"; readonly of: ReadonlyMap<bigint, string> };
}

/** A run of items. `bytes` and `cstring` are runs of u8 with a value of their own kind. */
export interface SequenceLayout {
  readonly kind: "bytes" | "cstring" | "array";
  readonly item: Layout;
  readonly count: Count;
}

export interface StructLayout {
  readonly kind: "struct";
  readonly fields: readonly Field[];
}

export interface Field {
  readonly name: string;
  readonly layout: Layout;
}

export interface UnionLayout {
  readonly kind: "union";
  readonly members: readonly Layout[];
}

export interface PointerLayout {
  readonly kind: "pointer";
  readonly target: Layout;
  readonly direction: (parent: object) => Direction;
  /** The same as data; undefined where it takes the function to tell. */
  readonly told: Direction | FlaggedDirection | undefined;
  readonly nullable: boolean;
}

export type Layout = ScalarLayout | SequenceLayout | StructLayout | UnionLayout | PointerLayout;

/** The count of a sequence that the data tells, or undefined where the count is fixed or there is nothing to count. */
export function toldCount(layout: Layout): ToldCount | undefined {
  return "count" in layout && typeof layout.count === "object" ? layout.count : undefined;
}

/**
 * A link is a field whose data does not sit at a fixed place in its struct: what a pointer points to, or a C99 flexible
 * array member, whose length the struct tells.
 */
export function isLink(layout: Layout): boolean {
  return layout.kind === "pointer" || toldCount(layout) !== undefined;
}

/** Whether the size depends on the data: a sequence of told count, or a struct that ends in one. */
export function isOpen(layout: Layout): boolean {
  if (layout.kind !== "struct") return toldCount(layout) !== undefined;
  const last = layout.fields.at(-1);
  return last !== undefined && isOpen(last.layout);
}

const depths = new WeakMap<Layout, number>();

/** How many steps it takes to get at all of the data when each step can follow the links of the one before. */
export function depthOf(layout: Layout): number {
  const known = depths.get(layout);
  if (known !== undefined) return known;
  const depth = measureDepth(layout);
  depths.set(layout, depth);
  return depth;
}

function measureDepth(layout: Layout): number {
  switch (layout.kind) {
    case "scalar":
    case "union":
      return 1;
    case "struct":
      return Math.max(...layout.fields.map((field) => depthOf(field.layout) + (isLink(field.layout) ? 1 : 0)));
    case "pointer":
      return depthOf(layout.target);
    default:
      return depthOf(layout.item);
  }
}

/** Counted layouts kept of each layout: a client has few lengths, and a codec is compiled for each. */
const KEPT_COUNTS = 64;
const countedLayouts = new WeakMap<Layout, Map<number, Layout>>();

/**
 * The layout with its count filled in from the struct that holds it.
 * @throws DeviceError EINVAL when the count is negative, no integer, or more than the schema's max
 */
export function counted(layout: Layout, parent: Readonly<Record<string, unknown>>): Layout {
  const count = toldCount(layout);
  if (count === undefined || !("count" in layout)) return layout;
  const value = typeof count.by === "string" ? Number(parent[count.by]) : count.by(parent);
  if (!(Number.isInteger(value) && value >= 0 && value <= count.max)) {
    throw new DeviceError("EINVAL", `${countName(count)} is ${value}, allowed are 0 to ${count.max}`);
  }
  let kept = countedLayouts.get(layout);
  if (kept === undefined) {
    kept = new Map();
    countedLayouts.set(layout, kept);
  }
  const known = kept.get(value);
  if (known !== undefined) return known;
  const made = { ...layout, count: value };
  if (kept.size < KEPT_COUNTS) kept.set(value, made);
  return made;
}

/** What tells a count, for messages. */
export function countName({ by }: ToldCount): string {
  return typeof by === "string" ? by : by.name || "a count";
}
