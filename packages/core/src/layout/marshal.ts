// The values of a schema in memory that is at hand as a whole: sizes, offsets, decode and encode.

import { DeviceError, UsageError } from "../errors.ts";
import { type Codec, codecOf, type Fields, type Link } from "./codec.ts";
import { counted, type Layout } from "./layout.ts";
import { Misfit } from "./misfit.ts";
import type { DataModel } from "./model.ts";
import type { Alone, Schema, StructSchema } from "./schema.ts";

/** The bytes that a schema takes up: C's sizeof, which leaves a flexible array out. */
export function sizeOf(schema: Schema, model: DataModel): number {
  return codecOf(schema.layout, model).size;
}

/** C's _Alignof. */
export function alignOf(schema: Schema, model: DataModel): number {
  return codecOf(schema.layout, model).align;
}

/** C's offsetof for each field, in bytes. The same object each time. */
export function offsetsOf<T>(schema: StructSchema<T>, model: DataModel): { readonly [K in keyof T]: number } {
  // The codec has one offset for each field that struct() was given, but knows their names at run time only.
  return codecOf(schema.layout, model).offsets as { readonly [K in keyof T]: number };
}

/**
 * The value at `offset`, sharing no memory with `bytes`; a flexible array is taken from the bytes that follow.
 * @throws DeviceError EINVAL when there are too few bytes or a length is over its limit, EOVERFLOW for a long that no
 *   number holds; UsageError when the schema has pointers, which only plan() can follow
 */
export function decode<T>(schema: Alone<T>, model: DataModel, bytes: Uint8Array, offset = 0): T {
  const codec = codecOf(schema.layout, model);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = decodeAt(codec, view, offset);
  codec.links(value, offset, (link, parent, at) => {
    parent[link.name] = decodeAt(codecOf(flexible(link, parent), model), view, at);
  });
  // A schema's layout and T are made together, in schema.ts; the codec is made from the layout and cannot name T.
  return value as T;
}

function decodeAt(codec: Codec, view: DataView, at: number): unknown {
  if (at + codec.size > view.byteLength) {
    throw new DeviceError("EINVAL", `${codec.size} bytes expected at ${at}, there are ${view.byteLength} in all`);
  }
  return codec.decode(view, at);
}

function flexible(link: Link, parent: Fields): Layout {
  if (link.pointer) throw new UsageError(`${link.name} is a pointer: only plan() can follow it`);
  return counted(link.target, parent);
}

/**
 * The bytes of a value, padding zeroed.
 * @param into where to write them, at its start; it is returned. Default: an array of exactly the right size
 * @throws UsageError with the path of what does not fit ("c_cc[3]: 300 is no u8"), or when the schema has pointers
 */
export function encode<T>(schema: Alone<T>, model: DataModel, value: T, into?: Uint8Array): Uint8Array {
  return Misfit.named(() => {
    const codec = codecOf(schema.layout, model);
    const parts = [{ codec, at: 0, value: value as unknown, step: "" }];
    codec.links(value, 0, (link, parent, at) => {
      const codec = codecOf(flexible(link, parent), model);
      parts.push({ codec, at, value: parent[link.name], step: `.${link.name}` });
    });
    const size = Math.max(...parts.map((part) => part.at + part.codec.size));
    const target = into ?? new Uint8Array(size);
    if (size > target.length) throw new UsageError(`${size} bytes do not fit ${target.length}`);
    target.fill(0, 0, size);
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    for (const part of parts) {
      try {
        part.codec.encode(view, part.at, part.value);
      } catch (error) {
        throw Misfit.at(part.step, error);
      }
    }
    return target;
  });
}
