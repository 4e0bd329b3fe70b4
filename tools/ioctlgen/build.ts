// Puts headers and annotations together: the model of the output. What an annotation names must be there, and what the
// wanted names need must be annotated where C does not say it.

import { ToolError } from "../shared/errors.ts";
import type { Annotations, CommandAnnotation } from "./annotations.ts";
import type { Enumerator } from "./ast.ts";
import { INTEGER_WORDS } from "./c-type.ts";
import { isEncoded, isPattern, type Macro, shownPlace } from "./macros.ts";
import { type Alias, boxName, type Constant, type Group, type Model, type ModelCommand } from "./model.ts";
import { choose, type Header } from "./names.ts";
import { namesOf, TypeBuilder } from "./types.ts";

type Values = ReadonlyMap<string, Enumerator>;

/** @throws ToolError for what is not in the headers, not annotated, or beyond the schema language */
export async function buildModel(header: Header, annotations: Annotations): Promise<Model> {
  const groups = await buildGroups(header, annotations);
  const limits = await limitsOf(header, annotations);
  const flags = new Set<string>();
  const types = new TypeBuilder({
    declarations: header.declarations,
    annotations: annotations.types ?? {},
    constant: (name, path) =>
      number(limits.get(name) ?? header.declarations.enumerators.get(name), `${path}: max: ${name}`),
    group: (name, style, path) => {
      if (name.startsWith("enum ")) return enumerationGroup(name, header, groups);
      if (!groups.has(name)) throw new ToolError(`${path}: there is no group ${name} among the constants`);
      if (style === "flags") flags.add(name);
      return name;
    },
  });
  for (const name of Object.keys(annotations.types ?? {})) {
    if (name.includes(".")) continue;
    types.typeOf(name, { file: "annotations", line: 0 }, `types["${name}"]`);
  }
  const { commands, aliases } = await buildCommands(header, annotations, types);
  for (const name of Object.keys(annotations.types ?? {})) {
    if (!types.annotated.has(name))
      throw new ToolError(
        `types["${name}"]: nothing is laid out under this name; what has a tag goes by it ("struct x")`,
      );
  }
  const ordered = [...groups.values()].map((group) => (flags.has(group.name) ? asFlags(group, annotations) : group));
  const model = { groups: ordered, types: types.named, commands, aliases };
  checkNames(model);
  return model;
}

async function buildGroups(header: Header, annotations: Annotations): Promise<Map<string, Group>> {
  const { macros, declarations, evaluate } = header;
  const plain = [...macros.values()]
    .filter((macro) => !macro.hasParameters && macro.body !== "")
    .map(({ name }) => name);
  const candidates = [...plain, ...declarations.enumerators.keys()];
  const groups = new Map<string, Group>();
  for (const [name, { doc, names, except, isHex }] of Object.entries(annotations.constants ?? {})) {
    const path = `constants.${name}`;
    const chosen = choose({ names, except: except ?? [], path }, candidates);
    const values = await evaluate(chosen);
    const constants: Constant[] = [];
    for (const constant of chosen) {
      const found = values.get(constant);
      // What fits a pattern and is no integer was not meant.
      if (found === undefined && !names.includes(constant)) continue;
      constants.push({ name: constant, value: number(found, `${path}: ${constant}`) });
    }
    groups.set(name, { name, doc, isHex: isHex ?? false, constants });
  }
  return groups;
}

function asFlags(group: Group, { constants = {} }: Annotations): Group {
  return { ...group, isHex: constants[group.name]?.isHex ?? true, constants: widerFirst(group.constants) };
}

/** A trace takes bits off in the order of the names: what has another's bits and more must come before it. */
function widerFirst(constants: readonly Constant[]): Constant[] {
  const sorted: Constant[] = [];
  for (const constant of constants) {
    const narrower = sorted.findIndex(({ value }) => {
      return value !== 0 && value !== constant.value && (BigInt(constant.value) & BigInt(value)) === BigInt(value);
    });
    sorted.splice(narrower < 0 ? sorted.length : narrower, 0, constant);
  }
  return sorted;
}

function number(found: Enumerator | undefined, path: string): number {
  if (found === undefined) throw new ToolError(`${path} is no integer constant of the headers`);
  const value = Number(found.value);
  if (!Number.isSafeInteger(value)) throw new ToolError(`${path} is beyond 2^53`);
  return value;
}

function enumerationGroup(c: string, { declarations }: Header, groups: Map<string, Group>): string {
  const name = c.replace("enum ", "");
  // A group of the annotations by this name has what they say of it.
  if (groups.has(name)) return name;
  const constants = (declarations.enums.get(c) ?? []).map((enumerator) => ({
    name: enumerator.name,
    value: number(enumerator, enumerator.name),
  }));
  groups.set(name, { name, doc: undefined, isHex: false, constants });
  return name;
}

function limitsOf(header: Header, { types = {} }: Annotations): Promise<Values> {
  const limits = Object.values(types).flatMap(({ fields = {} }) => Object.values(fields).map(({ max }) => max));
  return header.evaluate(limits.filter((max) => typeof max === "string"));
}

interface Wanted {
  readonly name: string;
  readonly c: string;
  readonly macro: Macro;
  readonly notes: CommandAnnotation;
}

async function buildCommands(
  header: Header,
  annotations: Annotations,
  types: TypeBuilder,
): Promise<{ commands: ModelCommand[]; aliases: Alias[] }> {
  const wanted = wantedCommands(header, annotations);
  const names = new Set(wanted.map(({ name }) => name));
  const isAlias = ({ name, macro }: Wanted) => macro.body !== name && names.has(macro.body);
  const values = await header.evaluate(wanted.map(({ c }) => c));
  const commands = wanted
    .filter((command) => !isAlias(command))
    .map((command) => commandOf(command, { header, values, types }));
  const aliases = wanted.filter(isAlias).map(({ name, macro }) => ({ name, of: macro.body }));
  return { commands, aliases };
}

function wantedCommands({ macros, declarations }: Header, { commands, except = [] }: Annotations): Wanted[] {
  const encoded = [...macros.values()].filter((macro) => !macro.hasParameters && isEncoded(macro.name, macros));
  const candidates = encoded.map(({ name }) => name);
  const names = choose({ names: Object.keys(commands), except, path: "commands" }, candidates);
  const place = new Map([...macros.keys()].map((name, index) => [name, index]));
  // Enumerators come last.
  names.sort((a, b) => (place.get(a) ?? place.size) - (place.get(b) ?? place.size));
  return names.map((name) => {
    const path = `commands["${name}"]`;
    const place = declarations.enumerators.get(name)?.place;
    const macro = macros.get(name) ?? (place && { name, hasParameters: false, body: "", ...place });
    if (macro === undefined) throw new ToolError(`${path}: the headers have no such macro or enumerator`);
    const pattern = Object.keys(commands).find(
      (key) => isPattern(key) && choose({ names: [key], except: [], path }, candidates).includes(name),
    );
    const notes = commands[name] ?? (pattern === undefined ? {} : commands[pattern]) ?? {};
    if (macro.hasParameters && notes.with === undefined)
      throw new ToolError(`${path}: a macro with parameters: say by with what to put in their place`);
    if (!macro.hasParameters && notes.with !== undefined)
      throw new ToolError(`${path}: with: the macro has no parameters`);
    return { name, c: notes.with === undefined ? name : `${name}(${notes.with})`, macro, notes };
  });
}

interface CommandContext {
  readonly header: Header;
  readonly values: Values;
  readonly types: TypeBuilder;
}

const DIRECTIONS = ["none", "in", "out", "inout"] as const;

function commandOf({ name, c, macro, notes }: Wanted, { header, values, types }: CommandContext): ModelCommand {
  const path = `${shownPlace(macro)}: ${name}`;
  const found = values.get(c);
  if (found === undefined)
    throw new ToolError(`${path} is no integer constant, as where a type is not defined: leave it out by except`);
  const value = number(found, path);
  // A number that tells a size but whose argument is no pointer is as plain as those from before _IOC.
  const encoded = isEncoded(name, header.macros) && !(isByValue(notes.argument) && value >>> 30 !== 0);
  const told = encoded ? (DIRECTIONS[value >>> 30] ?? "none") : "none";
  const spelling = notes.argument ?? (told === "none" ? undefined : found.sizes[0]);
  if (spelling === undefined && !(encoded && told === "none"))
    throw new ToolError(
      `${path}: the number does not say what the argument is: say it by argument ("value", "none", or a C type)`,
    );
  const argument = argumentOf(spelling ?? "value", { path, macro, notes, types });
  const direction = notes.direction ?? (told === "none" ? undefined : told);
  if (typeof argument === "object" && direction === undefined)
    throw new ToolError(`${path}: the number does not say the direction: say it by direction ("in", "out", "inout")`);
  if (typeof argument === "string" && (notes.direction ?? notes.flags ?? notes.values) !== undefined)
    throw new ToolError(`${path}: direction, flags and values are for arguments in memory`);
  // The second argument of _IO and its like.
  const isHex = /,\s*0x/i.test(macro.body);
  const about = { name, c, doc: notes.doc, place: macro, number: value, isEncoded: encoded, isHex };
  return { ...about, argument, direction: direction ?? "in" };
}

function isByValue(argument: string | undefined): boolean {
  return argument === "none" || argument === "value" || argument === "address";
}

interface ArgumentContext {
  readonly path: string;
  readonly macro: Macro;
  readonly notes: CommandAnnotation;
  readonly types: TypeBuilder;
}

function argumentOf(spelling: string, { path, macro, notes, types }: ArgumentContext): ModelCommand["argument"] {
  if (spelling === "none" || spelling === "value" || spelling === "address") return spelling;
  const type = types.typeOf(spelling, macro, macro.name);
  const names = namesOf(notes, path);
  return names === undefined ? type : types.withNames(type, names, path);
}

/** Names of the schema language, and of what goes into every output, are taken. */
function checkNames({ groups, types, commands, aliases }: Model): void {
  const seen = new Map<string, string>();
  const all = [
    ...groups.map(({ name }) => ({ name, what: "a group of constants" })),
    ...types.map(({ name, c }) => ({ name, what: c })),
    ...[...commands, ...aliases].map(({ name }) => ({ name, what: "a command" })),
  ];
  for (const { name, what } of all) {
    const other = seen.get(name) ?? (isReserved(name) ? "a word of the schema language or of TypeScript" : undefined);
    if (other) throw new ToolError(`${name} is ${what} and ${other}: the output can have one of that name`);
    seen.set(name, what);
  }
}

const RESERVED = new Set(
  (
    "struct union ptr bytes array cstring flags enumeration command io ior iow iowr Infer " +
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try type typeof undefined var void while with yield"
  ).split(" "),
);

function isReserved(name: string): boolean {
  const isWord = INTEGER_WORDS.includes(name) || INTEGER_WORDS.some((word) => boxName(word) === name);
  return RESERVED.has(name) || isWord;
}
