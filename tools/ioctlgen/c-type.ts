// C types as clang spells them ("struct i2c_msg *", "__u8[34]"), taken apart.

import { ToolError } from "../shared/errors.ts";

export type CType =
  /** A built-in type, a typedef, or "struct x", "union x", "enum x". */
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "pointer"; readonly to: CType; readonly isConst: boolean }
  /** Of undefined count: a flexible array. */
  | { readonly kind: "array"; readonly of: CType; readonly count: number | undefined };

/** Of a type that is nothing a schema can describe; who knows where it stands says so. */
export class NoData extends ToolError {}

/** @throws NoData for a function, a vector, or what else is no data */
export function parseCType(spelling: string): CType {
  const text = spelling.trim();
  const array = /^([^[]*?)\s*\[(\d*)\](.*)$/.exec(text);
  if (array) {
    const [, item = "", count = "", rest = ""] = array;
    return { kind: "array", of: parseCType(item + rest), count: count === "" ? undefined : Number(count) };
  }
  const pointer = /^(.*)\*\s*(const|volatile|restrict|\s)*$/.exec(text);
  if (pointer) {
    const target = (pointer[1] ?? "").trim();
    return { kind: "pointer", to: parseCType(target), isConst: /^const\b/.test(target) };
  }
  const name = text
    .replace(/\b(const|volatile)\b/g, "")
    .trim()
    .replace(/\s+/g, " ");
  if (!/^[A-Za-z_][\w ]*$/.test(name)) throw new NoData(`the type ${spelling} is no data that a schema can describe`);
  return { kind: "name", name };
}

/** The words of the schema language for C's integers. `char` is signed on x86. */
const INTEGERS: Readonly<Record<string, string>> = {
  _Bool: "u8",
  char: "i8",
  "signed char": "i8",
  "unsigned char": "u8",
  short: "i16",
  "unsigned short": "u16",
  int: "int",
  "unsigned int": "uint",
  long: "long",
  "unsigned long": "ulong",
  "long long": "i64",
  "unsigned long long": "u64",
  // Known by their names: what they stand for differs between data models.
  __kernel_long_t: "kernelLong",
  __kernel_ulong_t: "kernelUlong",
  // Shorter than what they stand for.
  __s32: "i32",
  __u32: "u32",
};

/** All words for integers in the schema language. */
export const INTEGER_WORDS: readonly string[] = [...new Set(Object.values(INTEGERS)), "address"];

/** The schema language's word for an integer type or typedef, or undefined. */
export function integerWord(name: string): string | undefined {
  return Object.hasOwn(INTEGERS, name) ? INTEGERS[name] : undefined;
}
