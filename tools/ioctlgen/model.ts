// What an output file contains, between reading (build.ts) and printing (print.ts). Immutable, for one run.

import type { DirectionAnnotation } from "./annotations.ts";
import type { Place } from "./macros.ts";

/** How many: fixed, or told by a field's name or a rule (TypeScript). */
export type ModelCount = number | { readonly by: string; readonly max: number };

export type Type =
  /** An integer, by the schema language's word for it. */
  | { readonly kind: "integer"; readonly word: string; readonly names?: NamedBy }
  /** A type of the output. */
  | { readonly kind: "named"; readonly type: NamedType }
  | { readonly kind: "bytes" | "string"; readonly count: ModelCount }
  | { readonly kind: "array"; readonly item: Type; readonly count: ModelCount }
  | { readonly kind: "union"; readonly members: readonly Type[] }
  | { readonly kind: "struct"; readonly fields: readonly ModelField[] }
  | {
      readonly kind: "pointer";
      readonly target: Type;
      readonly direction: DirectionAnnotation;
      readonly nullable: boolean;
    };

export interface NamedBy {
  readonly style: "flags" | "values";
  /** The groups of the names, one as a rule. */
  readonly groups: readonly string[];
}

export interface ModelField {
  readonly name: string;
  readonly doc: string | undefined;
  readonly type: Type;
}

export interface NamedType {
  readonly name: string;
  /** "struct i2c_msg" */
  readonly c: string;
  readonly doc: string | undefined;
  readonly place: Place;
  readonly type: Type;
}

export interface Group {
  readonly name: string;
  readonly doc: string | undefined;
  /** Whether the numbers are printed in hexadecimal. */
  readonly isHex: boolean;
  readonly constants: readonly Constant[];
}

export interface Constant {
  readonly name: string;
  readonly value: number;
}

export interface ModelCommand {
  readonly name: string;
  /** What C writes for the number. */
  readonly c: string;
  readonly doc: string | undefined;
  readonly place: Place;
  readonly number: number;
  /** Whether the number is made by _IO and its like. */
  readonly isEncoded: boolean;
  readonly isHex: boolean;
  readonly argument: "none" | "value" | "address" | Type;
  readonly direction: "in" | "out" | "inout";
}

/** The output's name for a struct of one integer, by the schema language's word for the integer. */
export function boxName(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

/** Another name of a command. */
export interface Alias {
  readonly name: string;
  readonly of: string;
}

export interface Model {
  readonly groups: readonly Group[];
  /** Each after those that it needs. */
  readonly types: readonly NamedType[];
  readonly commands: readonly ModelCommand[];
  readonly aliases: readonly Alias[];
}
