// The generator's own check of its output: the compiler must agree with every size, alignment, offset, number and
// constant, for each data model, before anything is written. What C lays out in a way that schemas cannot say (packed and
// aligned attributes, for a start) is found here.

import {
  address,
  alignOf,
  array,
  bytes,
  cstring,
  type DataModel,
  i8,
  i16,
  i32,
  i64,
  int,
  kernelLong,
  kernelUlong,
  long,
  offsetsOf,
  ptr,
  type Schema,
  type StructSchema,
  sizeOf,
  struct,
  UsageError,
  u8,
  u16,
  u32,
  u64,
  uint,
  ulong,
  union,
} from "@devlift/core";
import { ToolError } from "../shared/errors.ts";
import type { CSource } from "./clang.ts";
import { shownPlace } from "./macros.ts";
import type { Model, ModelCommand, ModelCount, NamedType, Type } from "./model.ts";

const INTEGERS: Readonly<Record<string, AnySchema>> = {
  ...{ u8, i8, u16, i16, u32, i32, u64, i64, int, uint, long, ulong, kernelLong, kernelUlong, address },
};

type AnySchema = Schema<unknown, unknown, unknown>;

/** The schema that the output's text makes, as far as its layout goes. */
function schemaOf(type: Type): AnySchema {
  switch (type.kind) {
    case "integer":
      return INTEGERS[type.word] ?? u8;
    case "named":
      return schemaOf(type.type.type);
    case "bytes":
      return sequence(type.count, bytes, (count, limit) => bytes(count, limit));
    case "string":
      return sequence(type.count, cstring, (count, limit) => cstring(count, limit));
    case "array": {
      const item = schemaOf(type.item);
      return sequence(
        type.count,
        (count) => array(item, count),
        (count, limit) => array(item, count, limit),
      );
    }
    case "union":
      return union(...type.members.map(schemaOf));
    case "struct":
      return structOf(type);
    case "pointer":
      return ptr(schemaOf(type.target));
  }
}

type StructType = Type & { readonly kind: "struct" };

function structOf(type: StructType): StructSchema<Record<string, unknown>> {
  return struct<Record<string, unknown>>(
    Object.fromEntries(type.fields.map(({ name, type }) => [name, schemaOf(type)])),
  );
}

/** Counts by a field are made rules here: struct() checks the field's kind when the output is loaded. */
function sequence(
  count: ModelCount,
  fixed: (count: number) => AnySchema,
  told: (count: () => number, limit: { max: number }) => AnySchema,
): AnySchema {
  return typeof count === "number" ? fixed(count) : told(() => 0, { max: count.max });
}

/** An equation of C, and what it is about. */
interface Fact {
  readonly c: string;
  readonly value: number;
  readonly about: string;
}

function layoutFacts(type: NamedType, model: DataModel): Fact[] {
  const about = `${shownPlace(type.place)}: ${type.c}`;
  try {
    const schema = schemaOf(type.type);
    return [
      ...(type.type.kind === "struct" ? fieldFacts(type.type, { c: type.c, about, model }) : []),
      { c: `sizeof(${type.c})`, value: sizeOf(schema, model), about },
      { c: `_Alignof(${type.c})`, value: alignOf(schema, model), about },
    ];
  } catch (cause) {
    // What the schema language itself has against it, as pointers in unions.
    if (!(cause instanceof UsageError)) throw cause;
    throw new ToolError(`${about}: ${cause.message}`, { cause });
  }
}

/** The offset of each field, and of an integer the size and the signedness: other fields' follow from their items. */
function fieldFacts(type: StructType, { c, about, model }: { c: string; about: string; model: DataModel }): Fact[] {
  const offsets = offsetsOf(structOf(type), model);
  return type.fields.flatMap(({ name, type }) => {
    const facts: Fact[] = [];
    const fact = (c: string, value: number | undefined) =>
      facts.push({ c, value: Number(value), about: `${about}.${name}` });
    fact(`__builtin_offsetof(${c}, ${name})`, offsets[name]);
    if (type.kind !== "integer") return facts;
    const field = `((${c} *)0)->${name}`;
    fact(`sizeof(${field})`, sizeOf(schemaOf(type), model));
    if (type.word !== "address") fact(`((__typeof__(${field}))-1 < 0)`, Number(/^(i|long|kernelLong)/.test(type.word)));
    return facts;
  });
}

function numberFact(command: ModelCommand, model: DataModel): Fact {
  const { argument, c, isEncoded, number } = command;
  const sized = typeof argument === "object" && isEncoded;
  const size = sized ? sizeOf(schemaOf(argument), model) : (number >>> 16) & 0x3fff;
  const about = `${shownPlace(command.place)}: ${command.name}`;
  if (size > 0x3fff) throw new ToolError(`${about}: ${size} bytes are more than an ioctl's number can tell`);
  const value = sized && number >>> 30 !== 0 ? ((number & 0xc000_ffff) | (size << 16)) >>> 0 : number;
  return { c: `(unsigned int)(${c})`, value, about };
}

const MODELS: readonly DataModel[] = ["lp64", "ilp32", "x32"];

function factsOf(model: Model, dataModel: DataModel): Fact[] {
  return [
    ...model.types.flatMap((type) => layoutFacts(type, dataModel)),
    ...model.commands.map((command) => numberFact(command, dataModel)),
    ...model.groups.flatMap(({ name: group, constants }) =>
      constants.map(({ name, value }) => ({ c: `(${name})`, value, about: `${group}.${name}` })),
    ),
  ];
}

/** @throws ToolError with the first place where the compiler disagrees */
export async function verifyModel(model: Model, source: CSource): Promise<void> {
  const judged = MODELS.map(async (dataModel) => {
    const facts = factsOf(model, dataModel);
    const lines = facts.map(({ c, value }) => `_Static_assert(${c} == ${value}, "");`);
    return { dataModel, facts, complaints: await source.judge(dataModel, lines) };
  });
  for (const { dataModel, facts, complaints } of await Promise.all(judged)) {
    const [first, ...more] = complaints;
    if (first === undefined) continue;
    const fact = facts[first.line];
    const rest = more.length > 0 ? `\n(and ${more.length} more)` : "";
    throw new ToolError(
      `${fact?.about}: for ${dataModel} callers ${fact?.c} is not ${fact?.value}, as it would be in the schema. ` +
        "The schema language has no packed or aligned attributes, and no anonymous structs with padding of their own: " +
        `describe this one by hand, or leave it out.${rest}`,
    );
  }
}
