// Commands flattened, so that a reader which is no program can follow their links: the kernel behind /dev/fusd, which
// gathers an ioctl's argument in one go (kernel/fusd/uapi/fusd.h, FUSD_TABLE). Structs within structs and arrays of a
// fixed count are gone; each type is a size and the links in it, at absolute offsets, in the order in which plan.ts
// follows them. A count or direction that is a rule in JavaScript cannot be told: such a command goes in rounds.

import { UsageError } from "../errors.ts";
import { codecOf } from "./codec.ts";
import type { Command } from "./ioctl.ts";
import {
  type Direction,
  depthOf,
  type FlaggedDirection,
  isLink,
  type Layout,
  type PointerLayout,
  type ScalarType,
  type StructLayout,
  toldCount,
} from "./layout.ts";
import { DATA_MODELS, type DataModel } from "./model.ts";
import { integerOf } from "./scalar.ts";

/** Of an integer field: where it is in the item that holds the link, in bytes. */
export interface FlatField {
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

export interface FlatLink {
  /** Of the pointer, or of a tail's data, in the item. */
  readonly offset: number;
  /** No pointer: the data is where the link is, and goes as what holds it. */
  readonly tail: boolean;
  readonly nullable: boolean;
  /** Index of what it leads to: higher than that of the type that has the link. */
  readonly type: number;
  /** Items at most; or, without `count`, always. */
  readonly max: number;
  readonly count: FlatField | undefined;
  readonly passing: "parent" | Direction | { readonly field: FlatField; readonly flagged: FlaggedDirection };
}

export interface FlatType {
  /** Bytes of an item. */
  readonly size: number;
  readonly links: readonly FlatLink[];
}

export interface FlatCommand {
  readonly number: number;
  readonly model: DataModel;
  /** "none": the argument points to nothing. "rounds": only plan() can tell. */
  readonly passing: "none" | "rounds" | Direction;
  /** Index of what the argument points to; 0 where it points to nothing. */
  readonly type: number;
}

export interface FlatTable {
  readonly commands: readonly FlatCommand[];
  readonly types: readonly FlatType[];
  /** Those that go in rounds in some data model. */
  readonly inRounds: ReadonlySet<Command>;
}

/** Links of one type, or an array of many items would be unrolled without end. */
const MAX_LINKS = 1024;
const MAX_COUNT = 0xffff_ffff;

/** Something that cannot be told. */
class Untold extends UsageError {}

/** All of a driver's commands, for every data model. */
export function flatTable(commands: Readonly<Record<string, Command>>): FlatTable {
  const all = Object.values(commands);
  const inRounds = new Set(all.filter((command) => !isTold(command)));
  const types = new Types();
  const rows = all.flatMap((command) =>
    DATA_MODELS.map((model) => ({
      command,
      model,
      node: inRounds.has(command) ? undefined : argumentOf(command, model, types),
    })),
  );
  const flat = types.flat();
  const flatCommands = rows.map(({ command, model, node }) => ({
    number: command.number(model),
    model,
    passing: inRounds.has(command) ? ("rounds" as const) : wayOf(command),
    type: node === undefined ? 0 : flat.indexOf(node),
  }));
  return { commands: flatCommands, types: flat.types, inRounds };
}

function isTold(command: Command): boolean {
  try {
    for (const model of DATA_MODELS) argumentOf(command, model, new Types());
    return true;
  } catch (error) {
    if (error instanceof Untold) return false;
    throw error;
  }
}

function argumentOf({ schema }: Command, model: DataModel, types: Types): Node | undefined {
  return schema === undefined ? undefined : types.node(schema.layout, model);
}

function wayOf({ direction, schema }: Command): FlatCommand["passing"] {
  return schema === undefined || direction === "value" || direction === "address" ? "none" : direction;
}

/** A type whose index is not known yet. */
interface Node {
  readonly size: number;
  readonly links: (Omit<FlatLink, "type"> & { readonly to: Node })[];
}

/** Types found so far, each after those that its links lead to. */
class Types {
  readonly #nodes: Node[] = [];
  readonly #known = new Map<DataModel, Map<Layout, Node>>();

  node(layout: Layout, model: DataModel): Node {
    const known = this.#known.get(model) ?? new Map<Layout, Node>();
    this.#known.set(model, known);
    const before = known.get(layout);
    if (before !== undefined) return before;
    const node: Node = { size: codecOf(layout, model).size, links: [] };
    if (node.size === 0) throw new Untold("a type without a size");
    this.#links(layout, { node, model, base: 0 });
    this.#nodes.push(node);
    known.set(layout, node);
    return node;
  }

  /** @returns the types, those with links in front of what they lead to */
  flat(): { types: FlatType[]; indexOf: (node: Node) => number } {
    const ordered = [...this.#nodes].reverse();
    const indices = new Map(ordered.map((node, index) => [node, index]));
    // Every node that a link leads to was pushed by node().
    const indexOf = (node: Node) => indices.get(node) ?? 0;
    const types = ordered.map(({ size, links }) => ({
      size,
      links: links.map(({ to, ...link }) => ({ ...link, type: indexOf(to) })),
    }));
    return { types, indexOf };
  }

  /** Adds the links of what is `base` bytes from the node's start, in the order of the codecs' links(). */
  #links(layout: Layout, place: Place): void {
    if (depthOf(layout) === 1) return;
    if (layout.kind === "array" && typeof layout.count === "number") {
      const { size } = codecOf(layout.item, place.model);
      for (let index = 0; index < layout.count; index++)
        this.#links(layout.item, { ...place, base: place.base + index * size });
    }
    if (layout.kind !== "struct") return;
    const { offsets } = codecOf(layout, place.model);
    const at = (name: string) => place.base + (offsets[name] ?? 0);
    for (const { name, layout: field } of layout.fields)
      if (!isLink(field)) this.#links(field, { ...place, base: at(name) });
    for (const { name, layout: field } of layout.fields) {
      if (!isLink(field)) continue;
      if (place.node.links.length === MAX_LINKS) throw new Untold("too many links");
      place.node.links.push(this.#link(field, at(name), { struct: layout, at, model: place.model }));
    }
  }

  #link(field: Layout, offset: number, holder: Holder): Node["links"][number] {
    const pointer = field.kind === "pointer" ? field : undefined;
    const target = pointer?.target ?? field;
    const told = toldCount(target);
    if (typeof told?.by === "function") throw new Untold("a count by a rule");
    const isMany = "count" in target;
    return {
      offset,
      tail: pointer === undefined,
      nullable: pointer?.nullable ?? false,
      to: this.node(isMany ? target.item : target, holder.model),
      max: told !== undefined ? Math.min(told.max, MAX_COUNT) : isMany ? Number(target.count) : 1,
      count: told === undefined ? undefined : fieldOf(told.by, holder),
      passing: pointer === undefined ? "parent" : passingOf(pointer, holder),
    };
  }
}

interface Place {
  readonly node: Node;
  readonly model: DataModel;
  readonly base: number;
}

/** The struct that holds a link, and where its fields are. */
interface Holder {
  readonly struct: StructLayout;
  readonly at: (name: string) => number;
  readonly model: DataModel;
}

const SIGNED: ReadonlySet<ScalarType> = new Set(["i8", "i16", "i32", "i64", "long", "kernelLong"]);

function fieldOf(name: string, { struct, at, model }: Holder): FlatField {
  const field = struct.fields.find((it) => it.name === name);
  if (field?.layout.kind !== "scalar") throw new Untold("a count that is no field");
  const { type } = field.layout;
  return { offset: at(name), size: integerOf(type, model).size, signed: SIGNED.has(type) };
}

function passingOf({ told }: PointerLayout, holder: Holder): FlatLink["passing"] {
  if (told === undefined) throw new Untold("a direction by a rule");
  return typeof told === "string" ? told : { field: fieldOf(told.field, holder), flagged: told };
}
