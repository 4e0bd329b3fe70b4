// Clang's JSON syntax tree, as far as declarations go: records, typedefs, enumerations. Declarations live for one run.

import { ToolError } from "../shared/errors.ts";
import type { Place } from "./macros.ts";

export interface CField {
  /** Undefined for an anonymous union or struct, whose members are its struct's. */
  readonly name: string | undefined;
  /** As C spells it. */
  readonly type: string;
  readonly isBitField: boolean;
  /** The record that is defined in the field itself and has no name. */
  readonly record: CRecord | undefined;
  readonly place: Place;
}

export interface CRecord {
  readonly tag: "struct" | "union";
  readonly fields: readonly CField[];
  readonly place: Place;
}

export interface Typedef {
  readonly type: string;
  /** The record without a name that the typedef names. */
  readonly record: CRecord | undefined;
  readonly place: Place;
}

export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
  /** The types of the sizeof expressions in its initialiser. */
  readonly sizes: readonly string[];
  readonly place: Place;
}

export interface Declarations {
  /** By "struct x" and "union x"; only complete ones. */
  readonly records: ReadonlyMap<string, CRecord>;
  readonly typedefs: ReadonlyMap<string, Typedef>;
  /** By "enum x". */
  readonly enums: ReadonlyMap<string, readonly Enumerator[]>;
  /** Of every enumeration, by name. */
  readonly enumerators: ReadonlyMap<string, Enumerator>;
}

interface Node {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly tag: string;
  readonly value: string | undefined;
  readonly isComplete: boolean;
  readonly isBitField: boolean;
  /** The type of a sizeof expression. */
  readonly argument: string | undefined;
  /** The id of the record that a type defines on the spot, or is. */
  readonly owned: string | undefined;
  readonly place: Place;
  readonly inner: readonly Node[];
}

type Json = Readonly<Record<string, unknown>>;

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function textAt(json: Json, ...path: readonly string[]): string | undefined {
  let at: unknown = json;
  for (const key of path) at = isJson(at) ? at[key] : undefined;
  return typeof at === "string" ? at : undefined;
}

/** Clang writes a file and a line only where they differ from the last that it wrote: all must be read in its order. */
class Places {
  #file = "";
  #line = 0;

  /** Reads a location, and says what it is: of a macro's expansion, where that stands. */
  read(location: unknown): Place {
    if (!isJson(location)) return { file: this.#file, line: this.#line };
    if ("expansionLoc" in location) {
      this.read(location["spellingLoc"]);
      return this.read(location["expansionLoc"]);
    }
    const { file, line } = location;
    if (typeof file === "string") this.#file = file;
    if (typeof line === "number") this.#line = line;
    return { file: this.#file, line: this.#line };
  }
}

function nodeOf(json: Json, places: Places): Node {
  const place = places.read(json["loc"]);
  const range = json["range"];
  if (isJson(range)) {
    places.read(range["begin"]);
    places.read(range["end"]);
  }
  const inner = Array.isArray(json["inner"]) ? json["inner"].filter(isJson) : [];
  return {
    id: textAt(json, "id") ?? "",
    kind: textAt(json, "kind") ?? "",
    name: textAt(json, "name") ?? "",
    type: textAt(json, "type", "qualType") ?? "",
    tag: textAt(json, "tagUsed") ?? "",
    value: textAt(json, "value"),
    isComplete: json["completeDefinition"] === true,
    isBitField: json["isBitfield"] === true,
    argument: textAt(json, "argType", "qualType"),
    owned: textAt(json, "ownedTagDecl", "id") ?? textAt(json, "decl", "id"),
    place,
    inner: inner.map((child) => nodeOf(child, places)),
  };
}

function recordOf(node: Node): CRecord {
  const fields: CField[] = [];
  let nameless: CRecord | undefined;
  for (const child of node.inner) {
    if (child.kind === "RecordDecl") nameless = child.name === "" ? recordOf(child) : undefined;
    if (child.kind !== "FieldDecl") continue;
    const record = /\((anonymous|unnamed)/.test(child.type) ? nameless : undefined;
    const { isBitField, place, type } = child;
    fields.push({ name: child.name === "" ? undefined : child.name, type, isBitField, record, place });
  }
  return { tag: node.tag === "union" ? "union" : "struct", fields, place: node.place };
}

function sizesIn(node: Node): string[] {
  const own =
    node.kind === "UnaryExprOrTypeTraitExpr" && node.name === "sizeof" && node.argument ? [node.argument] : [];
  return [...own, ...node.inner.flatMap(sizesIn)];
}

/** The value of an enumerator's initialiser; undefined where it has none. */
function valueIn(node: Node): string | undefined {
  if (node.kind === "ConstantExpr") return node.value;
  for (const child of node.inner) {
    const value = valueIn(child);
    if (value !== undefined) return value;
  }
  return undefined;
}

function enumeratorsOf(node: Node): Enumerator[] {
  const found: Enumerator[] = [];
  let next: bigint | undefined = 0n;
  for (const child of node.inner) {
    if (child.kind !== "EnumConstantDecl") continue;
    const text = valueIn(child);
    // An initialiser that did not compile leaves nothing behind, or an expression without a value.
    const value: bigint | undefined = text !== undefined ? BigInt(text) : child.inner.length > 0 ? undefined : next;
    next = value === undefined ? undefined : value + 1n;
    if (value !== undefined) found.push({ name: child.name, value, sizes: sizesIn(child), place: child.place });
  }
  return found;
}

/** @param tree what `clang -ast-dump=json` prints */
export function declarationsOf(tree: unknown): Declarations {
  if (!isJson(tree)) throw new ToolError("clang printed no syntax tree");
  const records = new Map<string, CRecord>();
  const typedefs = new Map<string, Typedef>();
  const enums = new Map<string, readonly Enumerator[]>();
  const enumerators = new Map<string, Enumerator>();
  const nameless = new Map<string, CRecord>();
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      if (node.kind === "RecordDecl" && node.isComplete) {
        if (node.name === "") nameless.set(node.id, recordOf(node));
        else records.set(`${node.tag} ${node.name}`, recordOf(node));
        // A record that is defined inside of another is known everywhere.
        visit(node.inner.filter(({ name }) => name !== ""));
      }
      if (node.kind === "TypedefDecl") {
        const owned = node.inner[0]?.owned;
        const record = owned === undefined ? undefined : nameless.get(owned);
        typedefs.set(node.name, { type: node.type, record, place: node.place });
      }
      if (node.kind === "EnumDecl") {
        const all = enumeratorsOf(node);
        if (node.name !== "") enums.set(`enum ${node.name}`, all);
        for (const one of all) enumerators.set(one.name, one);
      }
    }
  };
  visit(nodeOf(tree, new Places()).inner);
  return { records, typedefs, enums, enumerators };
}
