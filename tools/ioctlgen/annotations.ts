// What C cannot say of a header: which headers and names are wanted, which field is a length, which pointer is in or
// out, which integer is a set of flags. An annotation file, NAME.annotations.ts, exports one such object by default; its
// output is NAME.ts beside it. Types alone: annotations-check.ts looks at the objects, build.ts puts them to use.

/**
 * "in" is read from the caller, "out" written to it; or what an integer field's bits tell; or the TypeScript of a function
 * of the struct's fields, where bits do not suffice.
 */
export type DirectionAnnotation = "in" | "out" | "inout" | FlaggedAnnotation | Rule;

export interface FlaggedAnnotation {
  readonly field: string;
  /** A number; or TypeScript for the output: "I2C_M.I2C_M_RD". */
  readonly mask: number | string;
  /** Where the field has one of the mask's bits. */
  readonly set: "in" | "out" | "inout";
  readonly clear: "in" | "out" | "inout";
}

/** TypeScript for the output, as it stands: `({ flags }) => (flags & I2C_M.I2C_M_RD ? "inout" : "in")`. */
export type Rule = `(${string}) =>${string}`;

export interface Annotations {
  /** As a program includes them, in order: "linux/i2c.h"; or a file beside the annotation file: "./my.h". */
  readonly headers: readonly string[];
  /** What the output is about, for its header comment. */
  readonly about: string;
  /** Groups of constants, by the name that the output gives them. */
  readonly constants?: Readonly<Record<string, ConstantsAnnotation>>;
  /** By the C type: "struct i2c_msg", "union u", or a typedef's name. What commands need is there without being named. */
  readonly types?: Readonly<Record<string, TypeAnnotation>>;
  /** By name; or by a pattern with `*`, which takes the macros that expand to _IO, _IOR, _IOW, _IOWR or _IOC. */
  readonly commands: Readonly<Record<string, CommandAnnotation>>;
  /** Names or patterns that the patterns of `commands` leave out. */
  readonly except?: readonly string[];
}

/** Macros and enumerators whose values are integers. */
export interface ConstantsAnnotation {
  readonly doc?: string;
  /** Names, or patterns with `*`. */
  readonly names: readonly string[];
  /** Names or patterns that the patterns of `names` leave out. */
  readonly except?: readonly string[];
  /** Whether numbers read better in hexadecimal. Default: where they are flags of a field or command. */
  readonly isHex?: boolean;
}

export interface TypeAnnotation {
  readonly doc?: string;
  readonly fields?: Readonly<Record<string, FieldAnnotation>>;
  /** Members that stand for the anonymous unions that they are in. */
  readonly choose?: readonly string[];
}

/** Of a struct's field. Which of these a field can have depends on its C type. */
export interface FieldAnnotation {
  readonly doc?: string;
  /** An integer: the group, or groups, of constants that are its bits. */
  readonly flags?: string | readonly string[];
  /** An integer: the group, or groups, of constants that are its values. */
  readonly values?: string | readonly string[];
  /**
   * An array of char, or what a pointer points to: a NUL-terminated string (arrays of char without a word are) or bytes.
   * A pointer: "address" is a number to the driver, and nothing is copied.
   */
  readonly as?: "string" | "bytes" | "address";
  /** A pointer: the C type that it points to, where the header does not say ("void *"). */
  readonly to?: string;
  /** A pointer or flexible array: how many items, told by an integer field of the struct or a function of its fields. */
  readonly count?: string;
  /** With `count`: the most that is allowed; or the name of a constant. */
  readonly max?: number | string;
  /** A pointer. */
  readonly direction?: DirectionAnnotation;
  /** A pointer: whether it can be NULL. */
  readonly nullable?: boolean;
}

export interface CommandAnnotation {
  readonly doc?: string;
  /**
   * A C type that the argument points to; "value", an int in its place; "address", a cookie in its place; or "none".
   * Default: what the number says.
   */
  readonly argument?: string;
  /** Default: what the number says, which a kernel driver need not heed. */
  readonly direction?: "in" | "out" | "inout";
  /** An argument that points to an integer: as of a field. */
  readonly flags?: string | readonly string[];
  readonly values?: string | readonly string[];
  /** A macro with parameters: the C text to put in their place. */
  readonly with?: string;
}
