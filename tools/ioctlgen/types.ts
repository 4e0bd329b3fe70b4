// From C's types and their annotations to the output's. A TypeBuilder lives for one run; it collects the named types
// that it comes across, each after those that it needs.

import { ToolError } from "../shared/errors.ts";
import type { FieldAnnotation, TypeAnnotation } from "./annotations.ts";
import { isRule } from "./annotations-check.ts";
import type { CField, CRecord, Declarations } from "./ast.ts";
import { type CType, integerWord, NoData, parseCType } from "./c-type.ts";
import { type Place, shownPlace } from "./macros.ts";
import type { ModelCount, ModelField, NamedBy, NamedType, Type } from "./model.ts";

export interface TypeContext {
  readonly declarations: Declarations;
  readonly annotations: Readonly<Record<string, TypeAnnotation>>;
  /** The value of a constant by name. @throws ToolError when there is none */
  readonly constant: (name: string, path: string) => number;
  /** The group for an enumeration of C, or for the group that an annotation names. @throws ToolError */
  readonly group: (name: string, style: NamedBy["style"], path: string) => string;
}

/** Where a type stands, and what is said of it. */
interface Site {
  readonly place: Place;
  readonly path: string;
  readonly notes: FieldAnnotation;
  /** The anonymous record that is defined there. */
  readonly record: CRecord | undefined;
}

const WIDE: readonly string[] = ["i64", "u64", "address"];

export class TypeBuilder {
  readonly #context: TypeContext;
  readonly #named = new Map<string, NamedType>();
  /** Those that are being laid out, to see one that comes to itself. */
  readonly #open = new Set<string>();
  /** The keys of the annotations that were put to use. */
  readonly annotated = new Set<string>();

  constructor(context: TypeContext) {
    this.#context = context;
  }

  /** All named types so far, each after those that it needs. */
  get named(): readonly NamedType[] {
    return [...this.#named.values()];
  }

  /** The type that C spells so. @throws ToolError when a schema cannot say it */
  typeOf(spelling: string, place: Place, path: string): Type {
    return this.#located({ place, path }, () =>
      this.#type(parseCType(spelling), { place, path, notes: {}, record: undefined }),
    );
  }

  /** An integer whose bits or values have names. @throws ToolError when the type is no such integer */
  withNames(type: Type, names: NamedBy, path: string): Type {
    if (type.kind !== "integer" || WIDE.includes(type.word)) {
      throw new ToolError(`${path}: ${names.style} are for integers of at most 32 bits, and long`);
    }
    return {
      ...type,
      names: { ...names, groups: names.groups.map((group) => this.#context.group(group, names.style, path)) },
    };
  }

  #located<T>({ place, path }: { place: Place; path: string }, act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof NoData)) throw error;
      throw new ToolError(`${shownPlace(place)}: ${path}: ${error.message}`, { cause: error });
    }
  }

  #fail({ place, path }: { place: Place; path: string }, what: string): never {
    throw new ToolError(`${shownPlace(place)}: ${path}: ${what}`);
  }

  #type(c: CType, site: Site): Type {
    if (c.kind === "pointer") return { kind: "integer", word: "address" };
    if (c.kind === "array") return this.#array(c, site);
    if (site.record && c.name === NAMELESS) {
      return this.#layout(site.path, site.record, this.#context.annotations[site.path] ?? {});
    }
    const word = integerWord(c.name);
    if (word) return { kind: "integer", word };
    if (c.name.startsWith("enum ")) return this.#enumeration(c.name, site);
    const { records, typedefs } = this.#context.declarations;
    const record = records.get(c.name);
    if (record) return { kind: "named", type: this.#record(c.name, record) };
    const typedef = typedefs.get(c.name);
    if (typedef?.record) return { kind: "named", type: this.#record(c.name, typedef.record) };
    if (typedef) return this.#type(parseCType(typedef.type), site);
    return this.#fail(site, `${c.name} is not defined, or not a type that a schema can describe`);
  }

  #enumeration(name: string, site: Site): Type {
    const enumerators = this.#context.declarations.enums.get(name) ?? [];
    const word = enumerators.some(({ value }) => value < 0n) ? "int" : "uint";
    const group = this.#context.group(name, "values", site.path);
    return { kind: "integer", word, names: { style: "values", groups: [group] } };
  }

  /** A typedef, resolved to what is none; integers that have a word of their own stay. */
  #plain(c: CType): CType {
    const typedef =
      c.kind === "name" && !integerWord(c.name) ? this.#context.declarations.typedefs.get(c.name) : undefined;
    return typedef && !typedef.record ? this.#plain(parseCType(typedef.type)) : c;
  }

  #array(c: CType & { kind: "array" }, site: Site): Type {
    const { notes } = site;
    // A count of 0 is how flexible arrays were written before C99.
    const isFlexible = (c.count ?? 0) === 0;
    if (isFlexible && notes.count === undefined)
      this.#fail(site, "a flexible array: say by count and max how many items it has");
    const count = notes.count === undefined ? (c.count ?? 0) : this.#count(site);
    return this.#run(c.of, count, site);
  }

  /** Several items in a row, in an array or behind a pointer. */
  #run(of: CType, count: ModelCount, site: Site): Type {
    const item = this.#plain(of);
    if (item.kind === "pointer") this.#fail(site, "an array of pointers is beyond the schema language");
    const name = item.kind === "name" ? item.name : "";
    const isText = name === "char" ? site.notes.as !== "bytes" : site.notes.as === "string";
    if (["char", "unsigned char"].includes(name)) return { kind: isText ? "string" : "bytes", count };
    return { kind: "array", item: this.#type(of, { ...site, notes: {} }), count };
  }

  #count(site: Site): ModelCount {
    const { count, max } = site.notes;
    if (count === undefined || max === undefined) return this.#fail(site, "count and max belong together");
    return { by: count, max: typeof max === "number" ? max : this.#context.constant(max, site.path) };
  }

  #record(c: string, record: CRecord): NamedType {
    const known = this.#named.get(c);
    if (known) return known;
    if (this.#open.has(c))
      this.#fail(
        { place: record.place, path: c },
        'points to itself: let such a pointer be an address (as: "address")',
      );
    this.#open.add(c);
    const notes = this.#context.annotations[c] ?? {};
    const name = c.replace(/^\w+ /, "");
    const made: NamedType = { name, c, doc: notes.doc, place: record.place, type: this.#layout(c, record, notes) };
    this.#open.delete(c);
    this.#named.set(c, made);
    return made;
  }

  #layout(c: string, record: CRecord, notes: TypeAnnotation): Type {
    this.annotated.add(c);
    const used = new Set<string>();
    const chosen = new Set<string>();
    const fields = record.fields.flatMap((field) => this.#members(field, { c, notes, used, chosen }));
    const path = `types["${c}"]`;
    for (const name of Object.keys(notes.fields ?? {})) {
      if (!used.has(name)) throw new ToolError(`${path}: there is no field ${name}`);
    }
    for (const name of notes.choose ?? []) {
      if (!chosen.has(name)) throw new ToolError(`${path}: choose: no anonymous union has a member ${name}`);
    }
    for (const { name, type } of fields) {
      const teller = tellerOf(type);
      if (teller !== undefined && !fields.some((field) => field.name === teller && field.type.kind === "integer"))
        this.#fail({ place: record.place, path: `${c}.${name}` }, `count: there is no integer field ${teller}`);
    }
    if (fields.length === 0) this.#fail({ place: record.place, path: c }, "a struct without fields has no schema");
    if (record.tag === "struct") return { kind: "struct", fields };
    return { kind: "union", members: fields.map(({ type }) => type) };
  }

  /** The fields that one of C's becomes: more than one where it is an anonymous struct. */
  #members(
    field: CField,
    of: { c: string; notes: TypeAnnotation; used: Set<string>; chosen: Set<string> },
  ): ModelField[] {
    const { name, place, record } = field;
    const path = `${of.c}${name === undefined ? "" : `.${name}`}`;
    if (field.isBitField)
      this.#fail({ place, path }, "bit-fields have no schema; describe the integer around them by hand");
    if (name === undefined) {
      if (record === undefined) return this.#fail({ place, path }, "a field without a name");
      if (record.tag === "struct") return record.fields.flatMap((inner) => this.#members(inner, of));
      const isChosen = (name: string | undefined) => name !== undefined && of.notes.choose?.includes(name);
      // An anonymous struct in it goes by the name of any of its own members.
      const members = record.fields.filter(
        ({ name, record }) => isChosen(name) || (!name && record?.fields.some(({ name }) => isChosen(name))),
      );
      const [member] = members;
      if (member === undefined || members.length > 1) {
        const names = record.fields.map((member) => member.name ?? member.record?.fields[0]?.name).join(", ");
        return this.#fail(
          { place, path },
          `an anonymous union: name the one member to have in types["${of.c}"].choose: ${names}`,
        );
      }
      for (const { name } of [member, ...(member.record?.fields ?? [])]) of.chosen.add(name ?? "");
      return this.#members(member, of);
    }
    if (name === "__proto__") this.#fail({ place, path }, "JavaScript has another use for this name");
    const notes = of.notes.fields?.[name] ?? {};
    of.used.add(name);
    const site = { place, path, notes, record };
    return [{ name, doc: notes.doc, type: this.#located(site, () => this.#field(parseCFieldType(field), site)) }];
  }

  #field(c: CType, site: Site): Type {
    const { notes } = site;
    const plain = this.#plain(c);
    this.#checkNotes(plain, site);
    if (plain.kind === "pointer") return this.#pointer(plain, site);
    const type = this.#type(c, site);
    const names = namesOf(notes, site.path);
    return names === undefined ? type : this.withNames(type, names, site.path);
  }

  /** @throws ToolError for annotations that do not belong to such a field */
  #checkNotes(c: CType, site: Site): void {
    const allowed = { pointer: POINTER_NOTES, array: ARRAY_NOTES, name: INTEGER_NOTES }[c.kind];
    for (const note of Object.keys(site.notes)) {
      if (!allowed.includes(note))
        this.#fail(site, `${note} is not for ${KINDS[c.kind]}; there are ${allowed.join(", ")}`);
    }
    if (c.kind === "array" && site.notes.as === "address") this.#fail(site, `as: "address" is for pointers`);
  }

  #pointer(c: CType & { kind: "pointer" }, site: Site): Type {
    const { as, direction, nullable, to } = site.notes;
    if (as === "address") {
      if (Object.keys(site.notes).some((note) => note !== "as" && note !== "doc"))
        this.#fail(site, `as: "address" goes with nothing else: nothing is followed`);
      return { kind: "integer", word: "address" };
    }
    if (direction === undefined)
      return this.#fail(
        site,
        `a pointer: say its direction (and count and max), or as: "address" if nobody follows it`,
      );
    const target = this.#target(to === undefined ? c.to : parseCType(to), site);
    return { kind: "pointer", target, direction, nullable: nullable ?? false };
  }

  #target(to: CType, site: Site): Type {
    const plain = this.#plain(to);
    const isVoid = plain.kind === "name" && plain.name === "void";
    if (site.notes.count !== undefined) return this.#run(isVoid ? BYTE : to, this.#count(site), site);
    if (isVoid)
      return this.#fail(site, "a void *: say by count and max how many bytes there are, or by to what is there");
    if (plain.kind === "pointer") return this.#fail(site, "a pointer to a pointer is beyond the schema language");
    if (site.notes.max !== undefined || site.notes.as !== undefined) this.#fail(site, "max and as need a count");
    return this.#type(to, { ...site, notes: {} });
  }
}

/** What the bits or values of an integer are called, by its annotation. */
export function namesOf(
  { flags, values }: Pick<FieldAnnotation, "flags" | "values">,
  path: string,
): NamedBy | undefined {
  if (flags !== undefined && values !== undefined) throw new ToolError(`${path}: either flags or values`);
  const groups = [flags ?? values ?? []].flat();
  return groups.length === 0 ? undefined : { style: flags === undefined ? "values" : "flags", groups };
}

const BYTE: CType = { kind: "name", name: "unsigned char" };
const POINTER_NOTES: readonly string[] = ["doc", "as", "to", "count", "max", "direction", "nullable"];
const ARRAY_NOTES: readonly string[] = ["doc", "as", "count", "max"];
const INTEGER_NOTES: readonly string[] = ["doc", "flags", "values"];
const KINDS = { pointer: "a pointer", array: "an array", name: "an integer or a struct" };

/** A record that is defined in a field without a name. */
const NAMELESS = "nameless";

/** The type of a field, NAMELESS for a record whose spelling cannot be parsed. */
function parseCFieldType({ record, type }: CField): CType {
  if (record === undefined) return parseCType(type);
  const [, suffix = ""] = /\)\s*((?:\[\d*\])*)$/.exec(type) ?? [];
  return parseCType(`${NAMELESS}${suffix}`);
}

/** The field that tells how many items of a field there are. */
function tellerOf(type: Type): string | undefined {
  const counted = type.kind === "pointer" ? type.target : type;
  const count = "count" in counted ? counted.count : 0;
  return typeof count === "object" && !isRule(count.by) ? count.by : undefined;
}
