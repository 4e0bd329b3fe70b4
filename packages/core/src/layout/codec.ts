// From bytes to values and back. A codec is compiled once for each layout and data model and lives as long as the
// layout; it holds no state. It works on one stretch of memory: what sits elsewhere (a link's data) it leaves alone and
// tells through `links`, for marshal.ts and plan.ts to deal with.

import { UsageError } from "../errors.ts";
import { type Count, countName, isLink, type Layout, type PointerLayout } from "./layout.ts";
import { Misfit, shown } from "./misfit.ts";
import { type DataModel, WIDTHS } from "./model.ts";
import { checkInteger, integerOf } from "./scalar.ts";

export type Fields = Record<string, unknown>;

/** A struct's field whose data sits elsewhere: behind a pointer, or, when `pointer` is undefined, after the struct. */
export interface Link {
  readonly name: string;
  readonly offset: number;
  readonly target: Layout;
  readonly pointer: PointerLayout | undefined;
}

/** Gets a link, the decoded struct that holds it, and where in the memory the link's field is. */
export type Visit = (link: Link, parent: Fields, at: number) => void;

export interface Codec {
  /** C's sizeof: without a flexible array. */
  readonly size: number;
  readonly align: number;
  /** Of a struct's fields, in bytes. */
  readonly offsets: Readonly<Record<string, number>>;
  /** A value that shares no memory with the view. The view must hold `size` bytes at `at`. */
  decode(view: DataView, at: number): unknown;
  /** Writes all but links and padding. */
  encode(view: DataView, at: number, value: unknown): void;
  /** Calls `visit` for each link in a decoded value, in a fixed order. */
  links(value: unknown, at: number, visit: Visit): void;
}

const NO_LINKS: Codec["links"] = () => {};

const cache = new WeakMap<Layout, Map<DataModel, Codec>>();

export function codecOf(layout: Layout, model: DataModel): Codec {
  const known = cache.get(layout)?.get(model);
  if (known !== undefined) return known;
  const codec = compile(layout, model);
  const codecs = cache.get(layout) ?? new Map<DataModel, Codec>();
  cache.set(layout, codecs.set(model, codec));
  return codec;
}

function compile(layout: Layout, model: DataModel): Codec {
  switch (layout.kind) {
    case "scalar": {
      const integer = integerOf(layout.type, model);
      return leaf(integer.size, integer.align, integer.get, (view, at, value) =>
        integer.set(view, at, checkInteger(value, layout.type, integer)),
      );
    }
    case "bytes":
      return bytesCodec(fixed(layout.count), 1);
    case "cstring":
      return stringCodec(fixed(layout.count));
    case "array":
      return arrayCodec(codecOf(layout.item, model), fixed(layout.count));
    case "struct":
      return structCodec(layout.fields, model);
    case "union": {
      const members = layout.members.map((member) => codecOf(member, model));
      const align = Math.max(...members.map((member) => member.align));
      return bytesCodec(roundUp(Math.max(...members.map((member) => member.size)), align), align);
    }
    case "pointer":
      throw new UsageError("a pointer outside of a struct");
  }
}

function fixed(count: Count): number {
  if (typeof count === "object") throw new UsageError(`a length told by ${countName(count)}, outside of a struct`);
  return count;
}

function roundUp(size: number, align: number): number {
  return Math.ceil(size / align) * align;
}

function leaf(size: number, align: number, decode: Codec["decode"], encode: Codec["encode"]): Codec {
  return { size, align, offsets: {}, decode, encode, links: NO_LINKS };
}

function slice(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

/** Up to here a copy byte by byte costs less than an array more that shares the view's memory. */
const FEW = 32;

function copied(view: DataView, at: number, length: number): Uint8Array {
  if (length > FEW) return slice(view, at, length).slice();
  const copy = new Uint8Array(length);
  for (let index = 0; index < length; index++) copy[index] = view.getUint8(at + index);
  return copy;
}

function bytesCodec(count: number, align: number): Codec {
  return leaf(
    count,
    align,
    (view, at) => copied(view, at, count),
    (view, at, value) => {
      if (!(value instanceof Uint8Array)) throw new Misfit(`${shown(value)} is no Uint8Array`);
      if (value.length > count) throw new Misfit(`${value.length} bytes do not fit ${count}`);
      const room = slice(view, at, count);
      room.set(value);
      if (value.length < count) room.fill(0, value.length);
    },
  );
}

const utf8 = { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), encoder: new TextEncoder() };

function stringCodec(count: number): Codec {
  return leaf(
    count,
    1,
    (view, at) => {
      const room = slice(view, at, count);
      const end = room.indexOf(0);
      return utf8.decoder.decode(end < 0 ? room : room.subarray(0, end));
    },
    (view, at, value) => {
      if (typeof value !== "string") throw new Misfit(`${shown(value)} is no string`);
      const room = slice(view, at, count);
      const { written } = utf8.encoder.encodeInto(value, room.subarray(0, Math.max(0, count - 1)));
      room.fill(0, written);
    },
  );
}

function arrayCodec(item: Codec, count: number): Codec {
  function items(value: unknown): readonly unknown[] {
    if (!Array.isArray(value)) throw new Misfit(`${shown(value)} is no array`);
    if (value.length !== count) throw new Misfit(`${value.length} items, there must be ${count}`);
    return value;
  }
  const { size: step } = item;
  /** One try a run, and no iterator: this is done for each ioctl. */
  function each(value: unknown, at: number, act: (value: unknown, at: number) => void): void {
    const elements = items(value);
    let index = 0;
    try {
      for (; index < count; index++) act(elements[index], at + index * step);
    } catch (error) {
      throw Misfit.at(`[${index}]`, error);
    }
  }
  return {
    size: step * count,
    align: item.align,
    offsets: {},
    decode(view, at) {
      const value: unknown[] = [];
      for (let index = 0; index < count; index++) value.push(item.decode(view, at + index * step));
      return value;
    },
    encode: (view, at, value) => each(value, at, (element, place) => item.encode(view, place, element)),
    links:
      item.links === NO_LINKS
        ? NO_LINKS
        : (value, at, visit) => each(value, at, (element, place) => item.links(element, place, visit)),
  };
}

interface Member {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec;
}

function structCodec(fields: readonly { name: string; layout: Layout }[], model: DataModel): Codec {
  const members: Member[] = [];
  const links: Link[] = [];
  let end = 0;
  let structAlign = 1;
  for (const { name, layout } of fields) {
    const { size, align } = extent(layout, model);
    const offset = roundUp(end, align);
    if (layout.kind === "pointer") links.push({ name, offset, target: layout.target, pointer: layout });
    else if (isLink(layout)) links.push({ name, offset, target: layout, pointer: undefined });
    else members.push({ name, offset, codec: codecOf(layout, model) });
    end = offset + size;
    structAlign = Math.max(structAlign, align);
  }
  const linking = members.filter((member) => member.codec.links !== NO_LINKS);

  function each(some: readonly Member[], value: unknown, act: (member: Member, field: unknown) => void): void {
    const struct = asFields(value);
    let name = "";
    try {
      for (const member of some) {
        name = member.name;
        act(member, struct[name]);
      }
    } catch (error) {
      throw Misfit.at(`.${name}`, error);
    }
  }
  return {
    size: roundUp(end, structAlign),
    align: structAlign,
    offsets: Object.fromEntries([...members, ...links].map(({ name, offset }) => [name, offset])),
    decode(view, at) {
      const value: Fields = {};
      for (const { name, offset, codec } of members) value[name] = codec.decode(view, at + offset);
      return value;
    },
    encode: (view, at, value) =>
      each(members, value, (member, field) => member.codec.encode(view, at + member.offset, field)),
    links:
      links.length === 0 && linking.length === 0
        ? NO_LINKS
        : (value, at, visit) => {
            if (linking.length > 0)
              each(linking, value, (member, field) => member.codec.links(field, at + member.offset, visit));
            const struct = asFields(value);
            for (const link of links) visit(link, struct, at + link.offset);
          },
  };
}

/** What a field takes up in its struct. A flexible array aligns its struct and adds nothing. */
function extent(layout: Layout, model: DataModel): { size: number; align: number } {
  const { pointer } = WIDTHS[model];
  if (layout.kind === "pointer") return { size: pointer, align: pointer };
  return isLink(layout) && "item" in layout
    ? { size: 0, align: codecOf(layout.item, model).align }
    : codecOf(layout, model);
}

function asFields(value: unknown): Fields {
  if (!isFields(value)) throw new Misfit(`${shown(value)} is no struct`);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
